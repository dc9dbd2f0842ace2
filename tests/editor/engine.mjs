// VS Code's JSON engine with our schemas, as an extension of VS Code sets it up.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

// The packages stand under target/, not beside this file.
const require = createRequire(process.env.AMIBAKE_EDITOR_PACKAGES + '/');
const { getLanguageService, TextDocument } = require('vscode-json-languageservice');

const read = (name) => JSON.parse(readFileSync(new URL(`../../schema/${name}.schema.json`, import.meta.url), 'utf8'));
const completionItem = { documentationFormat: ['markdown', 'plaintext'], snippetSupport: true };
const service = getLanguageService({
  clientCapabilities: { textDocument: { completion: { completionItem } } },
  // For files that name their schema by `$schema`.
  schemaRequestService: async (uri) => readFile(fileURLToPath(uri), 'utf8'),
  workspaceContext: { resolveRelativePath: (path, resource) => new URL(path, resource).href },
});
service.configure({
  validate: true,
  allowComments: false,
  schemas: [
    { uri: 'urn:template', fileMatch: ['*template.json'], schema: read('packer-template') },
    { uri: 'urn:vars', fileMatch: ['*vars.json'], schema: read('packer-vars') },
  ],
});

/// A text in which `|` marks the cursor. `what` is `template` or `vars`.
function open(text, what) {
  const offset = text.indexOf('|');
  const document = TextDocument.create(`file:///${what}.json`, 'json', 1, offset < 0 ? text : text.slice(0, offset) + text.slice(offset + 1));
  return { document, position: document.positionAt(Math.max(offset, 0)), tree: service.parseJSONDocument(document) };
}

/// What is offered at the cursor: label, the text it would write, and what is said about it.
export async function complete(text, what = 'template') {
  const { document, position, tree } = open(text, what);
  const list = await service.doComplete(document, position, tree);
  return list.items.map((item) => ({
    label: item.label,
    writes: item.textEdit?.newText ?? item.insertText,
    says: item.documentation?.value ?? item.documentation ?? '',
  }));
}

/// The text of the window that opens over the cursor.
export async function hover(text, what = 'template') {
  const { document, position, tree } = open(text, what);
  const shown = await service.doHover(document, position, tree);
  return [shown?.contents ?? []].flat().map((part) => part.value ?? part).join('\n');
}

/// What is underlined: `LINE: message`. `path` is where the text stands, if it stands somewhere.
export async function problems(text, what = 'template', path = undefined) {
  // The schemas go by the end of the name; a file that names its own schema is found by its path.
  const named = path && JSON.parse(text).$schema;
  const uri = named ? pathToFileURL(path).href : `file:///${what}.json`;
  const document = TextDocument.create(uri, 'json', 1, text);
  const found = await service.doValidation(document, service.parseJSONDocument(document));
  return found.map((problem) => `${problem.range.start.line + 1}: ${problem.message}`);
}

/// What the editor shows once a completion has been taken: places to type over hold their proposals.
export function expanded(snippet) {
  return snippet.replace(/\$\{\d+:((?:\\.|[^\\}])*)\}|\$\d+|\\(.)/g, (_, placeholder, escaped) => (placeholder ?? '').replace(/\\(.)/g, '$1') + (escaped ?? ''));
}
