import { onTestFinished } from 'vitest';
import { defaultKeySettings, type ApiKeySettings } from '../../src/protocol/apiKeys.js';
import type { KeyStore, NewKey } from '../../src/stores/keyStore.js';
import { openSharedStores } from '../../src/stores/openStores.js';
import type { UsageStore } from '../../src/stores/usageStore.js';
import { testControllerOptions } from './testCluster.js';

export interface TemporaryKeys {
  /** For the controller that is to know the keys. */
  readonly dataDir: string;
  /** As another process has it, beside the controller. */
  readonly store: KeyStore;
  readonly usage: UsageStore;
  create(settings?: Partial<ApiKeySettings>): NewKey;
}

/** A data folder for a controller, with keys that are made behind its back. */
export function temporaryKeys(): TemporaryKeys {
  const { dataDir } = testControllerOptions;
  const { keys: store, usage, close } = openSharedStores(dataDir);
  onTestFinished(close);
  return {
    dataDir,
    store,
    usage,
    create: (settings) => store.create({ ...defaultKeySettings, name: 'test', ...settings }),
  };
}
