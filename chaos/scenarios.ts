import type { Scenario } from './scenario.js';
import { allWorkersDown } from './scenarios/allWorkersDown.js';
import { churningClients } from './scenarios/churningClients.js';
import { drainController } from './scenarios/drainController.js';
import { failingWorkers } from './scenarios/failingWorkers.js';
import { garbageFromWorkers } from './scenarios/garbageFromWorkers.js';
import { greedyKey } from './scenarios/greedyKey.js';
import { halfOpenConnection } from './scenarios/halfOpenConnection.js';
import { keyLimits } from './scenarios/keyLimits.js';
import { killBeforeFirstToken } from './scenarios/killBeforeFirstToken.js';
import { killDuringWrites } from './scenarios/killDuringWrites.js';
import { killController } from './scenarios/killController.js';
import { killMidStream } from './scenarios/killMidStream.js';
import { mixedFaults } from './scenarios/mixedFaults.js';
import { overload } from './scenarios/overload.js';
import { killRealWorkers, restartRealWorkers } from './scenarios/realWorkers.js';
import { rollingRestart } from './scenarios/rollingRestart.js';
import { scarceResources } from './scenarios/scarceResources.js';
import { slowClients } from './scenarios/slowClients.js';
import { soak } from './scenarios/soak.js';
import { stopAndContinue } from './scenarios/stopAndContinue.js';

/** In the order of the table in docs/reliability.md. */
export const scenarios: readonly Scenario[] = [
  killMidStream,
  killBeforeFirstToken,
  stopAndContinue,
  killController,
  killDuringWrites,
  drainController,
  rollingRestart,
  allWorkersDown,
  overload,
  keyLimits,
  greedyKey,
  failingWorkers,
  halfOpenConnection,
  garbageFromWorkers,
  scarceResources,
  churningClients,
  slowClients,
  soak,
  mixedFaults,
  killRealWorkers,
  restartRealWorkers,
];
