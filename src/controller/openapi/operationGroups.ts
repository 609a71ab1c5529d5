import { batchesGroup } from './groups/batches.js';
import { chatGroup } from './groups/chat.js';
import { completionsGroup } from './groups/completions.js';
import { documentationGroup } from './groups/documentation.js';
import { embeddingsGroup } from './groups/embeddings.js';
import { filesGroup } from './groups/files.js';
import { keysGroup } from './groups/keys.js';
import { messagesGroup } from './groups/messages.js';
import { modelsGroup } from './groups/models.js';
import { nodesGroup } from './groups/nodes.js';
import { operationsGroup } from './groups/operations.js';
import { rerankGroup } from './groups/rerank.js';
import { responsesGroup } from './groups/responses.js';
import { tokenizationGroup } from './groups/tokenization.js';
import { usageGroup } from './groups/usage.js';
import type { OperationGroup } from './operation.js';

/** Everything that can be asked of a controller, in the order of the page. */
export const operationGroups: readonly OperationGroup[] = [
  chatGroup,
  responsesGroup,
  completionsGroup,
  messagesGroup,
  embeddingsGroup,
  rerankGroup,
  tokenizationGroup,
  filesGroup,
  batchesGroup,
  modelsGroup,
  operationsGroup,
  keysGroup,
  usageGroup,
  nodesGroup,
  documentationGroup,
];
