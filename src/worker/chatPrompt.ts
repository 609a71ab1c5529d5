import { randomUUID } from 'node:crypto';
import { Template } from '@huggingface/jinja';
import type { ChatMessage } from '../protocol/generation.js';
import type { LlamaEngine } from './llamaEngine.js';

/** For a model whose file brings no chat template. */
export const chatMlTemplate =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** The template refused the messages; the text is the template's own, meant for the client. */
export class ChatTemplateError extends Error {}

export interface ChatPrompt {
  /**
   * Token ids of a conversation, ready for the model's answer.
   *
   * @throws ChatTemplateError where the template refuses the conversation (roles must alternate, and the like).
   */
  toTokens(messages: readonly ChatMessage[]): number[];
}

type PromptEngine = Pick<
  LlamaEngine,
  'chatTemplate' | 'bosToken' | 'eosTokenText' | 'tokenize' | 'isControlToken'
>;

/**
 * Builds prompts with the model's own Jinja template. Control tokens come from the template alone, so that a message
 * holding `<|im_end|>` cannot forge a turn: the template is rendered with a placeholder for every message's text, and
 * the texts are tokenized as plain text. Where tokenizing the whole prompt at once gives the same control tokens,
 * no text held any, and that form is used: tokenizers may treat the beginning of a text in a way of its own.
 */
export function createChatPrompt(engine: PromptEngine): ChatPrompt {
  const template = new Template(engine.chatTemplate ?? chatMlTemplate);
  return {
    toTokens: (messages) => {
      const pieces = renderPieces(template, engine, messages);
      const tokensOfPieces = pieces.map(({ text, isMessage }) =>
        engine.tokenize(text, { special: !isMessage }),
      );
      const safe = tokensOfPieces.flat();
      const whole = engine.tokenize(pieces.map(({ text }) => text).join(''), { special: true });
      const controls = (tokens: readonly number[]) =>
        tokens.filter((token) => engine.isControlToken(token)).join();
      const tokens = controls(whole) === controls(safe) ? whole : safe;
      const bos = engine.bosToken;
      return bos?.prepend && tokens[0] !== bos.id ? [bos.id, ...tokens] : tokens;
    },
  };
}

/** A part of the rendered prompt: of the template, or the text of a message. */
interface Piece {
  readonly text: string;
  readonly isMessage: boolean;
}

function renderPieces(template: Template, engine: PromptEngine, messages: readonly ChatMessage[]): Piece[] {
  const nonce = randomUUID();
  const rendered = render(template, engine, messages, nonce);
  return rendered
    .split(new RegExp(`\\[${nonce}-(\\d+)\\]`))
    .map((piece, index) =>
      index % 2 === 1
        ? { text: messages[Number(piece)]?.content.trim() ?? '', isMessage: true }
        : { text: piece, isMessage: false },
    )
    .filter(({ text }) => text !== '');
}

function render(
  template: Template,
  engine: PromptEngine,
  messages: readonly ChatMessage[],
  nonce: string,
): string {
  try {
    return template.render({
      messages: messages.map(({ role, content }, index) => ({
        role,
        content: placeholder(content, `[${nonce}-${index}]`),
      })),
      add_generation_prompt: true,
      bos_token: engine.bosToken?.text ?? '',
      eos_token: engine.eosTokenText,
    });
  } catch (error) {
    throw new ChatTemplateError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** White space around a text stays in the template's sight, because many templates trim it. */
function placeholder(content: string, mark: string): string {
  const text = content.trim();
  if (text === '') return content;
  const start = content.length - content.trimStart().length;
  return content.slice(0, start) + mark + content.slice(start + text.length);
}
