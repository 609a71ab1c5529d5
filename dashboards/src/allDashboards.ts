import { controllerHealth } from './controllerHealth.js';
import type { DashboardSpec } from './dashboardSpec.js';
import { inference } from './inference.js';
import { keys } from './keys.js';
import { nodes } from './nodes.js';
import { slo } from './objectives.js';
import { overview } from './overview.js';

/** By the names of their files. */
export const allDashboards: Readonly<Record<string, DashboardSpec>> = {
  overview,
  inference,
  nodes,
  keys,
  'controller-health': controllerHealth,
  slo,
};
