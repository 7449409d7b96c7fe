/** The main job in the embedded sandbox, with the packaged helm and kubectl: install, look, prove. No account, no cost. */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment } from './tools.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inside = ['loki-eks install --yes --grafana-admin', 'loki-eks status', 'loki-eks verify --grafana-admin'].join(' && ');
const child = spawn(process.execPath, [join(root, 'bin', 'loki-eks.js'), 'sandbox', 'run', '--grafana', '--', 'sh', '-c', inside], {
  stdio: 'inherit',
  env: environment(),
});
// Ctrl-C reaches the child through the terminal; it takes everything down and says so.
process.on('SIGINT', () => {});
child.on('close', (code) => (process.exitCode = code ?? 1));
