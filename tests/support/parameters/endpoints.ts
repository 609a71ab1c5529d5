import type { z } from 'zod';
import { unsupportedInEmbeddings } from '../../../src/controller/endpoints/embeddings.js';
import { unsupportedInRerank } from '../../../src/controller/endpoints/rerank.js';
import { unsupportedInTokenizedMessages } from '../../../src/controller/endpoints/tokenization.js';
import { MessagesRequest } from '../../../src/protocol/anthropic/messages.js';
import {
  unsupportedInMessages,
  unsupportedInOutputConfig,
  unsupportedInTurns,
} from '../../../src/protocol/anthropic/refusedParameters.js';
import { BatchListQuery, BatchRequest } from '../../../src/protocol/openai/batches.js';
import { ChatCompletionRequest } from '../../../src/protocol/openai/chatCompletions.js';
import { CompletionRequest } from '../../../src/protocol/openai/completions.js';
import { EmbeddingsRequest } from '../../../src/protocol/openai/embeddings.js';
import { FileForm, FileListQuery, FileUpload } from '../../../src/protocol/openai/files.js';
import { RerankRequest, TextsRerankRequest } from '../../../src/protocol/openai/rerank.js';
import {
  movedInResponses,
  unsupportedInReasoning,
  unsupportedInResponses,
} from '../../../src/protocol/openai/responses/refusedParameters.js';
import { ResponseRequest } from '../../../src/protocol/openai/responses/request.js';
import { InputItemsQuery, RetrieveQuery } from '../../../src/protocol/openai/responses/stored.js';
import {
  DetokenizeBody,
  TokenizeContentRequest,
  TokenizeMessagesRequest,
  TokenizePromptRequest,
} from '../../../src/protocol/openai/tokenization.js';
import { unsupportedInChat, unsupportedInTools } from '../../../src/protocol/openai/unsupportedParameters.js';
import { chatCases, completionCases } from './chatCases.js';
import { anthropicCases } from './messageCases.js';
import type { Fields, ParameterCases } from './parameterCase.js';
import { detokenizeCases, embeddingCases, rerankCases, tokenizeCases } from './readingCases.js';
import { responseCases } from './responseCases.js';
import {
  batchCases,
  batchListCases,
  fileListCases,
  inputItemsCases,
  retrieveCases,
  uploadCases,
} from './storedCases.js';

/** An endpoint with all that is known of its parameters. */
export interface EndpointParameters {
  /** As the headings of docs/parameters.md name it. */
  readonly name: string;
  /** Those that check its requests. */
  readonly schemas: readonly z.ZodType[];
  /** The paths of what is refused by its name. */
  readonly refused: readonly string[];
  /** The request types of the official client. */
  readonly types: readonly OfficialType[];
  readonly cases: ParameterCases;
  /** A request that has what it needs; without it all cases are shown elsewhere. */
  readonly base?: Fields;
}

export interface OfficialType {
  readonly client: 'openai' | 'anthropic' | 'anthropicBeta';
  readonly name: string;
  /** Only what the type has inside of parameters that the endpoint has. */
  readonly isNestedOnly?: boolean;
}

const openAi = (...names: string[]): OfficialType[] => names.map((name) => ({ client: 'openai', name }));
const anthropic = (...names: string[]): OfficialType[] =>
  names.flatMap((name) => [
    { client: 'anthropic', name },
    { client: 'anthropicBeta', name },
  ]);
const namesOf = (table: object, place = '') => Object.keys(table).map((name) => place + name);

const user = { role: 'user', content: 'Hi' };

export const endpoints: readonly EndpointParameters[] = [
  {
    name: 'POST /v1/chat/completions',
    schemas: [ChatCompletionRequest],
    refused: namesOf(unsupportedInChat),
    types: openAi('ChatCompletionCreateParams'),
    cases: chatCases,
    base: { model: 'test-model', messages: [user], seed: 7 },
  },
  {
    name: 'POST /v1/completions',
    schemas: [CompletionRequest],
    refused: namesOf(unsupportedInChat),
    types: openAi('CompletionCreateParams'),
    cases: completionCases,
    base: { model: 'test-model', prompt: 'Hi', seed: 7 },
  },
  {
    name: 'POST /v1/responses',
    schemas: [ResponseRequest],
    refused: [
      ...namesOf(unsupportedInResponses),
      ...namesOf(unsupportedInChat),
      ...namesOf(movedInResponses),
      ...namesOf(unsupportedInReasoning, 'reasoning.'),
      ...namesOf(unsupportedInTools, 'tools[].'),
    ],
    types: openAi('ResponseCreateParams', 'InputTokenCountParams'),
    cases: responseCases,
    base: { model: 'test-model', input: 'Hi', seed: 7 },
  },
  {
    name: 'POST /v1/messages',
    schemas: [MessagesRequest],
    refused: [
      ...namesOf(unsupportedInMessages),
      ...namesOf(unsupportedInOutputConfig, 'output_config.'),
      ...namesOf(unsupportedInTurns, 'messages[].'),
      ...namesOf(unsupportedInTools, 'tools[].'),
    ],
    types: anthropic('MessageCreateParams', 'MessageCountTokensParams'),
    cases: anthropicCases,
    base: { model: 'test-model', messages: [user], max_tokens: 9 },
  },
  {
    name: 'POST /v1/embeddings',
    schemas: [EmbeddingsRequest],
    refused: namesOf(unsupportedInEmbeddings),
    types: openAi('EmbeddingCreateParams'),
    cases: embeddingCases,
    base: { model: 'test-embedder', input: 'Hi' },
  },
  {
    name: 'POST /v1/rerank',
    schemas: [RerankRequest, TextsRerankRequest],
    refused: namesOf(unsupportedInRerank),
    types: [],
    cases: rerankCases,
    base: { model: 'test-ranker', query: 'q', documents: ['a', 'b'] },
  },
  {
    name: 'POST /tokenize',
    schemas: [TokenizeContentRequest, TokenizePromptRequest, TokenizeMessagesRequest],
    refused: namesOf(unsupportedInTokenizedMessages).filter((name) => name !== 'add_special_tokens'),
    types: [{ client: 'openai', name: 'ChatCompletionCreateParams', isNestedOnly: true }],
    cases: tokenizeCases,
    base: { model: 'test-model', content: 'Hi' },
  },
  {
    name: 'POST /detokenize',
    schemas: [DetokenizeBody],
    refused: [],
    types: [],
    cases: detokenizeCases,
    base: { model: 'test-model', tokens: [1] },
  },
  {
    name: 'GET /v1/responses/{response_id}',
    schemas: [RetrieveQuery],
    refused: [],
    types: openAi('ResponseRetrieveParams'),
    cases: retrieveCases,
  },
  {
    name: 'GET /v1/responses/{response_id}/input_items',
    schemas: [InputItemsQuery],
    refused: [],
    types: openAi('InputItemListParams'),
    cases: inputItemsCases,
  },
  {
    name: 'POST /v1/files',
    schemas: [FileUpload, FileForm.pick({ file: true })],
    refused: [],
    types: openAi('FileCreateParams'),
    cases: uploadCases,
  },
  {
    name: 'GET /v1/files',
    schemas: [FileListQuery],
    refused: [],
    types: openAi('FileListParams'),
    cases: fileListCases,
  },
  {
    name: 'POST /v1/batches',
    schemas: [BatchRequest],
    refused: [],
    types: openAi('BatchCreateParams'),
    cases: batchCases,
  },
  {
    name: 'GET /v1/batches',
    schemas: [BatchListQuery],
    refused: [],
    types: openAi('BatchListParams'),
    cases: batchListCases,
  },
];
