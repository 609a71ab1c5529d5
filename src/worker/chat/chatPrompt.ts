import type { ChatGenerateRequest } from '../../protocol/generateRequest.js';
import { ChatTemplateError, chatMlTemplate, createChatTemplate, type ChatTemplate } from './chatTemplate.js';
import { createCharMask, createControlTexts, type CharMask, type SpecialText } from './controlTexts.js';
import { mapConversation, toConversation } from './conversation.js';
import { writeToolsAsText } from './genericTools.js';
import { withBeginToken, type LlamaEngine } from '../engine/engine.js';
import { detectOutputFormat, genericOutputFormat } from '../outputParser/detectOutputFormat.js';
import type { OutputFormat } from '../outputParser/outputFormat.js';
import { probeTemplate } from './templateCapabilities.js';
import { toTemplateMessages } from './templateMessages.js';
import { toTemplateTool } from './templateTool.js';

export type ChatPromptRequest = Pick<
  ChatGenerateRequest,
  'messages' | 'tools' | 'toolChoice' | 'templateOptions'
>;

export interface PromptTokens {
  readonly tokens: number[];
  /** The prompt ends inside a reasoning block, with which the model goes on. */
  readonly opensInReasoning: boolean;
}

export interface ChatPrompt {
  /** How the model answers to these prompts. */
  readonly format: OutputFormat;
  /** Why the prompts are not those that the model was trained on. */
  readonly warning: string | undefined;
  /**
   * Token ids of a conversation, ready for the model's answer.
   *
   * @throws ChatTemplateError where the template refuses the conversation (roles must alternate, and the like).
   */
  toPrompt(request: ChatPromptRequest): PromptTokens;
}

export type PromptEngine = Pick<LlamaEngine, 'chatTemplate' | 'bosToken' | 'eosTokenText' | 'tokenize'> & {
  /** Control tokens, and all others whose text a tokenizer looks for before anything else. */
  readonly specialTexts: readonly SpecialText[];
};

/**
 * Builds prompts with the model's own Jinja template. Special tokens come from the template alone, so that a message (or
 * a tool's description, or a call's arguments) holding `<|im_end|>` cannot forge a turn. Everything that a client wrote
 * is rendered as it is, except for the characters with which a control text could begin: they are private characters
 * while the template sees them, and where they turn out to begin one the prompt is tokenized in two pieces.
 */
export function createChatPrompt(engine: PromptEngine, now: () => Date = () => new Date()): ChatPrompt {
  const { template, warning } = chooseTemplate(engine, now);
  const { source } = template;
  const capabilities = probeTemplate(template);
  const detected = detectOutputFormat(source);
  const isNative = detected.tools === 'template' && capabilities.tools && capabilities.toolCalls;
  const format = isNative ? detected : genericOutputFormat(source);
  const tags = format.reasoning;
  const controls = createControlTexts(engine.specialTexts, source, tags ? [tags.begin.trim(), tags.end] : []);

  /** The prompt with masked characters: control texts in it are the template's. */
  function renderMasked(request: ChatPromptRequest): { text: string; mask: CharMask } {
    const conversation = toConversation(request.messages, tags);
    const tools = request.toolChoice === 'none' ? [] : request.tools;
    const mask = createCharMask(JSON.stringify([conversation, tools]) + source);
    const render = (change: (text: string) => string): string => {
      const messages = mapConversation(conversation, change);
      const shown = tools.map((tool) => toTemplateTool(tool, change, capabilities.needsDescriptions));
      const written = isNative ? messages : writeToolsAsText(messages, shown);
      return template.render({
        messages: toTemplateMessages(written, capabilities, tags),
        ...(isNative && shown.length > 0
          ? { tools: shown }
          : capabilities.needsToolList
            ? { tools: [] }
            : {}),
        options: toOptions(request.templateOptions),
      });
    };
    const text = render((part) => controls.maskRisky(part, mask));
    // A template might put a control text together from parts of texts: a rendering without their signs tells.
    const strict = firstOf(
      () => render((part) => controls.maskSignsAndFirst(part, mask)),
      // Some templates look at the first letters of texts.
      () => render((part) => controls.maskSigns(part, mask)),
    );
    const isSame = controls.sequenceIn(text).join('\0') === controls.sequenceIn(strict).join('\0');
    return { text: isSame ? text : strict, mask };
  }

  function tokenize(masked: string, mask: CharMask): number[] {
    const text = mask.uncover(masked);
    const fromTemplate = new Set(controls.positionsIn(masked));
    const forged = controls.positionsIn(text).filter((position) => !fromTemplate.has(position));
    const cuts = [0, ...forged.map((position) => position + 1), text.length];
    const pieces = cuts.slice(1).map((end, index) => text.slice(cuts[index], end));
    return pieces
      .filter((piece) => piece !== '')
      .flatMap((piece) => engine.tokenize(piece, { special: true }));
  }

  return {
    format,
    warning,
    toPrompt: (request) => {
      const { text, mask } = refuseDepth(() => renderMasked(request));
      return {
        tokens: withBeginToken(engine, tokenize(text, mask)),
        opensInReasoning: tags !== undefined && text.trimEnd().endsWith(tags.begin.trim()),
      };
    },
  };
}

/** The model's own template; ChatML where it has none, or one that cannot be rendered. */
function chooseTemplate(
  engine: PromptEngine,
  now: () => Date,
): { template: ChatTemplate; warning: string | undefined } {
  const options = { bosText: engine.bosToken?.text ?? '', eosText: engine.eosTokenText, now };
  const chatMl = createChatTemplate(chatMlTemplate, options);
  if (engine.chatTemplate === undefined)
    return { template: chatMl, warning: 'the model has no chat template, using ChatML' };
  try {
    const template = createChatTemplate(engine.chatTemplate, options);
    template.render({ messages: [{ role: 'user', content: 'Hi' }], tools: [] });
    return { template, warning: undefined };
  } catch (error) {
    const warning = `the model's chat template cannot be used, using ChatML: ${String(error)}`;
    return { template: chatMl, warning };
  }
}

/** Some templates say `thinking` for what most call `enable_thinking`. */
function toOptions(options: ChatPromptRequest['templateOptions']): Record<string, unknown> {
  const { enable_thinking } = options;
  return { ...options, ...(enable_thinking === undefined ? {} : { thinking: enable_thinking }) };
}

/** What the first returns, or where the template refuses that, the second. */
function firstOf(first: () => string, second: () => string): string {
  try {
    return first();
  } catch (error) {
    if (error instanceof ChatTemplateError) return second();
    throw error;
  }
}

/** Arguments of calls can be nested deeper than the stack is. */
function refuseDepth<T>(render: () => T): T {
  try {
    return render();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ChatTemplateError('The conversation is nested too deeply.', { cause: error });
  }
}
