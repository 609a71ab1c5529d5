import { chatGroup } from './groups/chat.js';
import { completionsGroup } from './groups/completions.js';
import { documentationGroup } from './groups/documentation.js';
import { modelsGroup } from './groups/models.js';
import { operationsGroup } from './groups/operations.js';
import type { OperationGroup } from './operation.js';

/** Everything that can be asked of a controller, in the order of the page. */
export const operationGroups: readonly OperationGroup[] = [
  chatGroup,
  completionsGroup,
  modelsGroup,
  operationsGroup,
  documentationGroup,
];
