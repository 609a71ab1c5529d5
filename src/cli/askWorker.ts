import { request } from 'undici';
import { NodeReport, type ModelKind } from '../protocol/workerApi.js';

const timeoutMs = 5_000;

/** What the models of a worker are for, by their ids; none where it does not answer now. */
export async function askModelKinds(
  workerUrl: string,
  clusterToken: string,
): Promise<ReadonlyMap<string, ModelKind>> {
  try {
    const { body } = await request(`${workerUrl}/health`, {
      headers: { authorization: `Bearer ${clusterToken}` },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    const { models } = NodeReport.parse(await body.json());
    return new Map(models.map(({ id, kind }) => [id, kind]));
  } catch {
    return new Map();
  }
}
