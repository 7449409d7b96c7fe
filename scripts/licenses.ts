/** The licences of what is inside the bundle: collected from what was really put in, checked, and written into one file. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'rolldown';

/** All of them let us pass the code on, in any form, as long as their text goes along. */
const allowed: ReadonlySet<string> = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']);

interface Inside {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Of its licence and notice files, as they are. */
  readonly texts: readonly string[];
}

/** Fails the build when a package in the bundle has a licence that is not allowed here. */
export function licenses(fileName: string): Plugin {
  return {
    name: 'licenses',
    generateBundle(_, bundle) {
      const modules = Object.values(bundle).flatMap((item) => (item.type === 'chunk' ? Object.entries(item.modules) : []));
      const folders = new Set(modules.flatMap(([id, { renderedLength }]) => (renderedLength > 0 ? (packageFolder(id) ?? []) : [])));
      const packages = [...folders].map(inside).toSorted((a, b) => (a.name < b.name ? -1 : 1));
      for (const { name, version, license } of packages)
        if (!allowed.has(license)) this.error(`${name} ${version} has the licence ${JSON.stringify(license)}, which scripts/licenses.ts does not allow`);
      this.emitFile({ type: 'asset', fileName, source: document(packages) });
    },
  };
}

function packageFolder(id: string): string | undefined {
  const at = id.lastIndexOf('/node_modules/');
  if (at < 0 || id.startsWith('\0')) return undefined;
  const inPackage = id.slice(at + '/node_modules/'.length).split('/');
  return join(id.slice(0, at), 'node_modules', ...inPackage.slice(0, inPackage[0]?.startsWith('@') ? 2 : 1));
}

function inside(folder: string): Inside {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, string>;
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => /^(?:licen[cs]e|notice|copying)(?:[.-]|$)/i.test(file)) : [];
  return {
    name: name ?? folder,
    version: version ?? '',
    license: typeof license === 'string' ? license : '',
    texts: files.toSorted().map((file) => readFileSync(join(folder, file), 'utf8').trim()),
  };
}

/** Packages that share a text to the letter share its place: most of the SDK's do. */
function document(packages: readonly Inside[]): string {
  const byText = new Map<string, Inside[]>();
  for (const one of packages) {
    const text = one.texts.join('\n\n') || `${one.license}; the package carries no text of its own.`;
    byText.set(text, [...(byText.get(text) ?? []), one]);
  }
  const sections = [...byText].map(([text, of]) => [...of.map(({ name, version, license }) => `${name} ${version} (${license})`), '', text].join('\n'));
  return `loki-eks contains code of these packages.\n\n${sections.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
