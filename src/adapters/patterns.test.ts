/** Patterns that parse foreign text take bounded time, whatever the input. */
import { expect, it } from 'vitest';
import { readDenial, translated } from './aws/failures.ts';
import { openGrafana } from './grafana/api.ts';
import { helmFailure } from './helm/failures.ts';
import { admissionFailure, answerFailure, forbidden } from './kube/failures.ts';
import { kubeletFailure } from './kube/kubelets.ts';
import { refusal } from './loki/logs.ts';

const SIZE = 100_000;
const units = [
  '<',
  ' ',
  '.',
  'a',
  '"',
  '\n',
  ':',
  '\t\n',
  'dial tcp ',
  'https://',
  'failed calling webhook "',
  'admission webhook "',
  'on resource: "',
  'on resource: a.',
  'not authorized to perform: a:',
  'with an explicit deny',
  'User "',
  'Error: ',
  'original upgrade error: ',
  'failed to fetch ',
  'in namespace ',
  'error dialing backend: ',
];
const asked = { verb: 'get', target: 'x', server: 'https://k' };
const grafana = (body: string, status: number) =>
  openGrafana({ where: 'G', login: { token: 't' }, send: async () => ({ status, body }) })
    .datasources()
    .catch(() => undefined);

const readers: Readonly<Record<string, (text: string) => unknown>> = {
  'what AWS denies': readDenial,
  'an error of the SDK': (text) => translated(Object.assign(new Error(text), { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } }), { action: 'a:B' }),
  'a Status': (text) => answerFailure(asked, { status: 500, body: JSON.stringify({ kind: 'Status', message: text }) }),
  'a page in its place': (text) => answerFailure(asked, { status: 503, body: text }),
  'what helm passes on of an admission': (text) => admissionFailure(asked, text.slice(0, 8192)),
  'what RBAC forbids': (text) => forbidden(asked, text.slice(0, 8192)),
  'the way to a kubelet': (text) => kubeletFailure({ status: 500, body: text }),
  'what Grafana refuses': (text) => grafana(text, 401),
  'an error of Grafana': (text) => grafana(text, 500),
  'what Loki refuses': (text) => refusal({ status: 500, body: text, headers: {} }, { logql: '', user: '', namespace: '' }),
  'what helm prints': (text) => helmFailure({ what: 'x', stderr: text, code: 1 }),
};

it.each(Object.entries(readers))('%s', async (_, read) => {
  for (const unit of units)
    for (const end of ['', '!', '"']) {
      const text = unit.repeat(Math.ceil(SIZE / unit.length)).slice(0, SIZE) + end;
      const began = process.cpuUsage();
      await read(text);
      const { user, system } = process.cpuUsage(began);
      expect((user + system) / 1000, `${JSON.stringify(unit)} takes so many ms`).toBeLessThan(500);
    }
});
