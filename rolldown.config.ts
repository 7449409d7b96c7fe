/** One bundle, split where the source says `import()`: each command loads only what it needs. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { isBuiltin } from 'node:module';
import { basename, join } from 'node:path';
import { defineConfig, type Plugin } from 'rolldown';
import { licenses } from './scripts/licenses.ts';
import { helpTexts } from './src/cli/help-text.ts';
import { chartArchive } from './src/sandbox/chart-archive.ts';

/**
 * What packages import for functions that are never called. We ask a KubeConfig for the options of a request and make the request
 * ourselves, through agents of our own: client-node's fetch, proxies and YAML are dead weight. Native helpers of ws are
 * optional. And no command of ours is a program.
 */
const unused: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '@kubernetes/client-node': {
    'node-fetch': 'export const { fetch, Headers, Request, Response } = globalThis; export default fetch;',
    'js-yaml': "import { parse, stringify } from 'yaml'; export const load = parse; export const dump = stringify; export default { load, dump };",
    'socks-proxy-agent': "export class SocksProxyAgent { constructor() { throw new Error('not in this package'); } }",
    hpagent: "export class HttpProxyAgent { constructor() { throw new Error('not in this package'); } }\nexport { HttpProxyAgent as HttpsProxyAgent };",
  },
  ws: {
    bufferutil: "exports.none = true; throw new Error('not in this package');",
    'utf-8-validate': "exports.none = true; throw new Error('not in this package');",
  },
  commander: { 'node:child_process': "exports.spawn = () => { throw new Error('not in this package'); };" },
};

const withoutIt = (file: string | undefined, id: string) => Object.keys(unused).find((name) => file?.includes(`/node_modules/${name}/`) && id in unused[name]!);

const leaveOut: Plugin = {
  name: 'leave-out',
  resolveId: {
    order: 'pre',
    handler: (id, importer) => {
      const name = withoutIt(importer, id);
      return name === undefined ? null : `\0unused:${name}:${id}`;
    },
  },
  load: (id) => {
    if (!id.startsWith('\0unused:')) return null;
    const [, name = '', ...rest] = id.split(':');
    return { code: unused[name]![rest.join(':')]!, moduleType: 'js', moduleSideEffects: false };
  },
};

/** CommonJS packages ask for Node's own modules through a `require` that costs 2 ms to make; every Node we run on has this instead. */
const ownModules: Plugin = {
  name: 'own-modules',
  transform: {
    filter: { id: /\/node_modules\/.*\.c?js$/, code: 'require(' },
    handler: (code, file) =>
      code.replaceAll(/\brequire\((["'])((?:node:)?(?:[a-z_]+)(?:\/promises)?)\1\)/g, (whole, _, name: string) =>
        isBuiltin(name) && !withoutIt(file, name) ? `globalThis.process.getBuiltinModule('${name}')` : whole,
      ),
  },
};

/**
 * An `import` of Node's http reads all that it exports, and from Node 22 on one of them is a getter that loads fetch: 20 ms for nothing.
 */
const ownHttp: Plugin = {
  name: 'own-http',
  resolveId: { order: 'pre', filter: { id: /^(?:node:)?http$/ }, handler: () => '\0own-http' },
  load: (id) => {
    if (id !== '\0own-http') return null;
    const values = Object.entries(Object.getOwnPropertyDescriptors(http)).flatMap(([name, { get }]) => (get ? [] : [`export const ${name} = http.${name};`]));
    return {
      code: `const http = globalThis.process.getBuiltinModule('node:http');\n${values.join('\n')}\nexport default http;`,
      moduleType: 'js',
      moduleSideEffects: false,
    };
  },
};

/** The stand-in charts travel as archives: two files instead of forty. */
const packCharts: Plugin = {
  name: 'pack-charts',
  writeBundle: async ({ dir = 'dist' }) => {
    const folder = join(dir, 'charts');
    mkdirSync(folder, { recursive: true });
    const archives = await Promise.all(['alloy', 'loki'].map((name) => chartArchive(join('src/sandbox/charts', name))));
    for (const { name, bytes } of archives) writeFileSync(join(folder, `${name}.tgz`), bytes);
  },
};

const facadePattern = /^(?:import "[^"]+";\s*)*export \{ ([^}]+) \} from "\.\/([^"]+)";\s*$/;

/** A chunk that only passes on names of another chunk is read for nothing: who asks for it is sent on to where the names are. */
const skipFacades: Plugin = {
  name: 'skip-facades',
  generateBundle: (_, bundle) => {
    const chunks = Object.values(bundle).filter((item) => item.type === 'chunk');
    const facades = chunks.flatMap((chunk) => {
      const [, names, target] = facadePattern.exec(chunk.code) ?? [];
      if (!chunk.isDynamicEntry || names === undefined || target === undefined) return [];
      const pairs = names.split(', ').map((name) => name.split(' as '));
      const picked = pairs.map(([inner = '', outer = inner]) => `${JSON.stringify(outer)}: all.${inner}`).join(', ');
      return [{ fileName: chunk.fileName, file: basename(chunk.fileName), target, pick: `.then((all) => ({ ${picked} }))` }];
    });
    for (const chunk of chunks)
      for (const { file, target, pick } of facades)
        chunk.code = chunk.code.replaceAll(new RegExp(`import\\("(\\./(?:chunks/)?)${file.replaceAll('.', '\\.')}"\\)`, 'g'), `import("$1${target}")${pick}`);
    for (const { fileName } of facades) delete bundle[fileName];
  },
};

/** Old files go after the new ones are there: a program that runs meanwhile still finds its parts. */
const sweep: Plugin = {
  name: 'sweep',
  writeBundle: ({ dir = 'dist' }, bundle) => {
    const chunks = join(dir, 'chunks');
    const old = existsSync(chunks) ? readdirSync(chunks).filter((name) => !(`chunks/${name}` in bundle)) : [];
    for (const name of old) rmSync(join(chunks, name));
    for (const name of ['alloy', 'loki']) rmSync(join(dir, 'charts', name), { recursive: true, force: true });
  },
};

const printHelp: Plugin = {
  name: 'print-help',
  generateBundle() {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string };
    this.emitFile({ type: 'asset', fileName: 'help.json', source: JSON.stringify(helpTexts(version)) });
  },
};

const packages = (...names: readonly string[]) => new RegExp(`/node_modules/(?:${names.join('|')})(?:/|$)`);

export default defineConfig({
  input: { main: 'src/main.ts', 'real-switch': 'src/sandbox/real/switch.ts' },
  platform: 'node',
  // What is imported late and early alike is in the early chunk already, on purpose.
  checks: { ineffectiveDynamicImport: false },
  resolve: { mainFields: ['module', 'main'] },
  // Its generated models are named by one barrel; nothing in it acts on import.
  treeshake: { moduleSideEffects: [{ test: packages('@kubernetes/client-node'), sideEffects: false }] },
  plugins: [leaveOut, ownModules, ownHttp, skipFacades, licenses('THIRD-PARTY-LICENSES.txt'), packCharts, printHelp, sweep],
  output: {
    dir: 'dist',
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    // What is always loaded together is one file: a file costs more to open than to read.
    codeSplitting: {
      groups: [
        // Loaded at every start, and by much else: a file of its own, or whoever is loaded first brings the rest of its chunk.
        { name: 'early', priority: 95, test: /\/src\/adapters\/(?:system\/regular|children)\.ts$/ },
        { name: 'words', priority: 90, test: /^\0own-http$|\/src\/(?:cli\/(?:commands|program|usage)|design\/setting-specs)\.ts$/ },
        { name: 'yaml', priority: 80, test: packages('yaml') },
        { name: 'zod', priority: 80, test: packages('zod') },
        { name: 'ws', priority: 80, test: packages('ws', 'isomorphic-ws') },
        {
          name: 'terminal',
          priority: 75,
          test: packages('mimic-function', 'onetime', 'figures', 'is-unicode-supported', 'strip-ansi', 'ansi-regex', 'signal-exit', 'yoctocolors'),
        },
        {
          name: 'sdk',
          priority: 70,
          test: packages(
            '@smithy/(?!credential-provider)[^/]+',
            '@aws-sdk/(?:core|credential-provider-(?:node|env)|signature-v4-multi-region|middleware-[^/]+|util-[^/]+)',
          ),
        },
        ...['s3', 'iam', 'eks', 'sts'].map((name) => ({ name, priority: 65, test: packages(`@aws-sdk/client-${name}`) })),
        { name: 'questions', priority: 65, test: packages('@inquirer/[^/]+') },
        { name: 'kubeconfig-login', priority: 60, test: packages('@kubernetes/client-node/dist/config\\.js') },
        {
          name: 'credentials',
          priority: 60,
          test: packages('@aws-sdk/(?:credential-provider|nested-clients|token-providers)[^/]*', '@smithy/credential-provider[^/]*'),
        },
        { name: 'aws', priority: 50, test: /\/src\/adapters\/aws\// },
        { name: 'kube', priority: 50, test: /\/src\/adapters\/kube\/(?!forward)/ },
        { name: 'helm', priority: 50, test: /\/src\/adapters\/helm\// },
        // What a run needs before its first call; the rest is loaded while that is under way.
        {
          name: 'begin',
          priority: 45,
          test: /\/src\/(?:cli\/(?:run-use-case|read-run-settings|run-tracker|interruption|terminal|config-file)|commands\/exit-codes|engine\/redaction|design\/(?:settings|setting-rules|setting-conflicts|rule-of|nearest|names)|adapters\/(?:disk\/journals|system\/random))\.ts$/,
        },
        { name: 'run', priority: 40, test: /\/src\/(?:commands|checks|design|engine|steps|adapters\/(?:disk|loki|system\/(?:random|self)))[/.]/ },
        { name: 'tree', priority: 30, test: packages('listr2', 'log-update', 'cli-truncate', 'wrap-ansi', 'slice-ansi', 'string-width', 'strip-ansi') },
      ],
    },
    // Names stay readable in stack traces; white space is kept, so that a trace never prints a line of a megabyte.
    minify: { compress: true, mangle: false, codegen: false },
    comments: { legal: true, annotation: false, jsdoc: false },
  },
});
