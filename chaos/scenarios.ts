import type { Scenario } from './scenario.js';
import { allWorkersDown } from './scenarios/allWorkersDown.js';
import { churningClients } from './scenarios/churningClients.js';
import { drainController } from './scenarios/drainController.js';
import { failingWorkers } from './scenarios/failingWorkers.js';
import { garbageFromWorkers } from './scenarios/garbageFromWorkers.js';
import { halfOpenConnection } from './scenarios/halfOpenConnection.js';
import { killBeforeFirstToken } from './scenarios/killBeforeFirstToken.js';
import { killController } from './scenarios/killController.js';
import { killMidStream } from './scenarios/killMidStream.js';
import { mixedFaults } from './scenarios/mixedFaults.js';
import { overload } from './scenarios/overload.js';
import { killRealWorkers, restartRealWorkers } from './scenarios/realWorkers.js';
import { rollingRestart } from './scenarios/rollingRestart.js';
import { scarceResources } from './scenarios/scarceResources.js';
import { soak } from './scenarios/soak.js';
import { stopAndContinue } from './scenarios/stopAndContinue.js';

/** In the order of the table in docs/reliability.md. */
export const scenarios: readonly Scenario[] = [
  killMidStream,
  killBeforeFirstToken,
  stopAndContinue,
  killController,
  drainController,
  rollingRestart,
  allWorkersDown,
  overload,
  failingWorkers,
  halfOpenConnection,
  garbageFromWorkers,
  scarceResources,
  churningClients,
  soak,
  mixedFaults,
  killRealWorkers,
  restartRealWorkers,
];
