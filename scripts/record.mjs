/** Records a real install in the sandbox into docs/install.jsonl; `npm run docs` draws it. Run it when what an install tells has changed. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment } from './tools.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const began = Date.parse('2026-01-01T00:00:00Z');

const words = ['sandbox', 'run', '--grafana', '--', 'loki-eks', 'install', '--yes', '--grafana-admin', '--output', 'json'];
const env = environment();
const told = execFileSync(process.execPath, [join(root, 'bin', 'loki-eks.js'), ...words], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

// Where it ran, and when, is of no account.
const portable = told.replaceAll(env['LOKI_EKS_HELM'], '/usr/local/bin/helm').replaceAll(`${root}/`, '');
const events = portable
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));
const first = Date.parse(events[0].time);
const lines = events.map((event) => JSON.stringify({ ...event, time: new Date(began + Date.parse(event.time) - first).toISOString() }));
writeFileSync(join(root, 'docs', 'install.jsonl'), `${lines.join('\n')}\n`);
process.stdout.write(`docs/install.jsonl: ${lines.length} events; npm run docs draws them\n`);
