import type { OpenApiDocument } from '../openApiDocument.js';
import type { Target } from './curl.js';
import { html, type Html } from './html.js';
import { renderOperation } from './operationSection.js';
import { renderSchema } from './schemaFields.js';
import { schemaAnchor } from './schemaType.js';
import { styleElement } from './styles.js';
import { renderText } from './text.js';

/** The document as one page that needs nothing else. Its examples speak to `baseUrl`. */
export function renderPage(document: OpenApiDocument, baseUrl: string): string {
  const { info, tags, components } = document;
  const targets = targetsOf(document, baseUrl);
  const sections = tags.map((tag) => ({
    ...tag,
    targets: targets.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${info.title} ${info.version}: API</title>
        ${styleElement}
      </head>
      <body>
        <header>
          <h1>${info.title} <small>${info.version}</small></h1>
          ${renderText(info.description)}
          <p>For programs: <a href="openapi.json">openapi.json</a></p>
        </header>
        <nav>
          ${sections.map(
            ({ name, targets: links }) =>
              html`<h2>${name}</h2>
                <ul>
                  ${links.map(renderLink)}
                </ul>`,
          )}
          <h2><a href="#schemas">Schemas</a></h2>
        </nav>
        <main>
          ${sections.map(
            (section) =>
              html`<h2>${section.name}</h2>
                ${renderText(section.description)} ${section.targets.map(renderOperation)}`,
          )}
          <h2 id="schemas">Schemas</h2>
          ${Object.entries(components.schemas).map(
            ([name, schema]) =>
              html`<details id="${schemaAnchor(name)}">
                <summary><code>${name}</code></summary>
                ${renderSchema(schema)}
              </details>`,
          )}
        </main>
      </body>
    </html> `.text;
}

function targetsOf({ paths }: OpenApiDocument, baseUrl: string): Target[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ baseUrl, method, path, operation })),
  );
}

function renderLink({ method, path, operation }: Target): Html {
  return html`<li>
    <a href="#${operation.operationId}">${operation.summary}</a>
    <small>${method.toUpperCase()} ${path}</small>
  </li>`;
}
