import type { Content, OperationObject, ResponseObject } from '../openApiDocument.js';
import { toCurlCommands, type Command, type Target } from './curl.js';
import { html, type Html, type Part } from './html.js';
import { renderField } from './schemaFields.js';
import { renderType } from './schemaType.js';
import { renderText } from './text.js';

/** What can be asked at one path with one method: parameters, body, examples, answers. */
export function renderOperation(target: Target): Html {
  const { method, path, operation } = target;
  return html`<section id="${operation.operationId}" class="operation">
    <h3><span class="method">${method.toUpperCase()}</span> <code>${path}</code></h3>
    <p class="summary">${operation.summary}</p>
    ${operation.description === undefined ? undefined : renderText(operation.description)}
    ${renderParameters(operation)}
    ${
      operation.requestBody &&
      html`<h4>Body</h4>
        ${renderContent(operation.requestBody.content)}`
    }
    ${toCurlCommands(target).map(renderCommand)}
    <h4>Answers</h4>
    ${Object.entries(operation.responses).map(([status, response]) => renderResponse(status, response))}
  </section>`;
}

function renderParameters({ parameters }: OperationObject): Part {
  if (!parameters) return undefined;
  return html`<h4>Parameters</h4>
    <dl>
      ${parameters.map(({ name, description, required, schema }) =>
        renderField({ name, description, isRequired: required, schema }),
      )}
    </dl>`;
}

function renderCommand({ title, text }: Command): Html {
  return html`<figure>
    <figcaption>${title}</figcaption>
    <pre><code>${text}</code></pre>
  </figure>`;
}

function renderResponse(status: string, { description, content }: ResponseObject): Html {
  const isError = Number(status) >= 400;
  return html`<details${isError ? undefined : html` open`}>
    <summary><span class="status">${status}</span></summary>
    ${renderText(description)} ${content && renderContent(content)}
  </details>`;
}

function renderContent(content: Content): Html {
  return html`<ul class="content">
    ${Object.entries(content).map(
      ([mediaType, { schema }]) =>
        html`<li>
          <code>${mediaType}</code>${Object.keys(schema).length > 0 ? [': ', renderType(schema)] : undefined}
        </li>`,
    )}
  </ul>`;
}
