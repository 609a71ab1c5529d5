import { getLlama, type Llama, type Token } from 'node-llama-cpp';
import type { PromptEngine } from '../../src/worker/chat/chatPrompt.js';
import { vocabularyPath } from './llamaCppSources.js';

export interface Vocabulary {
  /** An engine that can tokenize and no more, with this chat template. */
  engineWith(chatTemplate: string | undefined): PromptEngine;
  isControlToken(token: number): boolean;
  close(): Promise<void>;
}

let runtime: Promise<Llama> | undefined;

/** Loads one of llama.cpp's vocabularies, without a model's weights. */
export async function loadVocabulary(name: string): Promise<Vocabulary> {
  runtime ??= getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    maxThreads: 1,
    // The library complains about weights that are not there.
    logger: () => undefined,
  });
  const llama = await runtime;
  const model = await llama.loadModel({ modelPath: await vocabularyPath(name), vocabOnly: true });
  const texts = model.fileInfo.metadata.tokenizer.ggml.tokens;
  const specialTexts = [...model.iterateAllTokens()].flatMap((token) => {
    const { control, unknown, userDefined } = model.getTokenAttributes(token);
    const text = texts[token] ?? '';
    return control || unknown || userDefined ? [{ text, isControl: !userDefined }] : [];
  });
  const bos = model.tokens.bos;
  return {
    engineWith: (chatTemplate) => ({
      chatTemplate,
      bosToken:
        bos === null
          ? undefined
          : { id: bos, text: model.tokens.bosString ?? '', prepend: model.tokens.shouldPrependBosToken },
      eosTokenText: model.tokens.eosString ?? '',
      specialTexts,
      tokenize: (text, { special }) => model.tokenize(text, special),
    }),
    isControlToken: (token) => model.isSpecialToken(token as Token),
    close: () => model.dispose(),
  };
}
