import type { HeldPrefix } from '../protocol/prefix.js';
import type { NodeReport } from '../protocol/workerApi.js';

/** What the controller was told of the cached prefixes: it is told again only where that has changed. */
export interface PrefixReports {
  /** The report with the prefixes of those models whose caches hold others than the controller knows. */
  addTo(report: NodeReport): NodeReport;
  /** The controller has taken the report that was made last. */
  accepted(): void;
  /** It knows nothing: another one, or a new start of it. */
  forget(): void;
}

export function createPrefixReports(
  heldBy: (model: string) => readonly HeldPrefix[] | undefined,
): PrefixReports {
  /** By model; a text, to be compared. */
  const known = new Map<string, string>();
  let sent = new Map<string, string>();

  return {
    addTo(report) {
      sent = new Map();
      const models = report.models.map((model) => {
        const prefixes = heldBy(model.id);
        if (!prefixes) return model;
        const text = prefixes.join();
        if (known.get(model.id) === text) return model;
        sent.set(model.id, text);
        return { ...model, prefixes: [...prefixes] };
      });
      return { ...report, models };
    },
    accepted() {
      for (const [model, text] of sent) known.set(model, text);
    },
    forget: () => known.clear(),
  };
}
