import { Template } from '@huggingface/jinja';
import { formatDate } from './formatDate.js';

/** For a model whose file brings no chat template. */
export const chatMlTemplate =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** The template refused the messages; the text is the template's own, meant for the client. */
export class ChatTemplateError extends Error {}

/** What a template gets to see of a conversation; messages and tools are in the shape that it understands. */
export interface TemplateInput {
  readonly messages: readonly object[];
  readonly tools?: readonly object[];
  /** Switches such as `enable_thinking`. */
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface ChatTemplate {
  readonly source: string;
  /** @throws ChatTemplateError where the template refuses the conversation. */
  render(input: TemplateInput): string;
}

export interface ChatTemplateOptions {
  readonly bosText: string;
  readonly eosText: string;
  readonly now: () => Date;
}

/** A model's Jinja template; templates may ask for today's date, which is the same in all time zones: UTC. */
export function createChatTemplate(
  source: string,
  { bosText, eosText, now }: ChatTemplateOptions,
): ChatTemplate {
  // The library has a function of this name, in local time, which cannot be replaced by another.
  const template = new Template(source.replaceAll('strftime_now', 'strftime_utc'));
  return {
    source,
    render: ({ messages, tools, options }) => {
      try {
        return template.render({
          strftime_utc: (format: string) => formatDate(now(), format),
          ...options,
          messages,
          ...(tools ? { tools } : {}),
          add_generation_prompt: true,
          bos_token: bosText,
          eos_token: eosText,
        });
      } catch (error) {
        throw new ChatTemplateError(error instanceof Error ? error.message : String(error), { cause: error });
      }
    },
  };
}
