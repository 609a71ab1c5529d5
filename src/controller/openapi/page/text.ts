import { html, type Html, type Part } from './html.js';

/** What descriptions use of Markdown: paragraphs, lists with `-`, and code between backticks. */
export function renderText(text: string): Part {
  return text.split(/\n{2,}/).map(renderBlock);
}

/** A description without blocks. */
export function renderLine(text: string): Part {
  // Every second piece stood between backticks.
  return text.split('`').map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece));
}

function renderBlock(block: string): Html {
  const lines = block.split('\n');
  if (!lines.every((line) => line.startsWith('- '))) return html`<p>${renderLine(block)}</p>`;
  return html`<ul>
    ${lines.map((line) => html`<li>${renderLine(line.slice(2))}</li>`)}
  </ul>`;
}
