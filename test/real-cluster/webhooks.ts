/** What EKS puts beside its API server: who an IAM caller is, the role of a service account in its pods, and volumes. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { AwsAccount } from '../../src/sandbox/aws/account.ts';
import { admitted } from '../../src/sandbox/cluster/admission.ts';
import type { Pod } from '../../src/sandbox/cluster/shapes.ts';
import type { KeyedCertificate } from '../../src/sandbox/kube/certificate.ts';
import type { ObjectStore } from '../../src/sandbox/types.ts';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import type { Doc, KubeApi } from './api.ts';

export interface Webhooks {
  readonly url: string;
  /** Answers from now on. */
  attach(of: { readonly account: AwsAccount; readonly api: KubeApi }): void;
  close(): Promise<void>;
}

const EKS_TOKEN = 'k8s-aws-v1.';

export async function openWebhooks(certificate: KeyedCertificate): Promise<Webhooks> {
  let behind: Parameters<Webhooks['attach']>[0] | undefined;
  const answers: Readonly<Record<string, (review: Doc) => Promise<Doc>>> = {
    '/authenticate': async (review) => {
      const user = behind && iamUser(behind.account, String(review['spec']?.token ?? ''));
      return { ...review, status: user === undefined ? { authenticated: false } : { authenticated: true, user } };
    },
    '/mutate': async ({ request }) => {
      const patch = behind === undefined ? [] : await podIdentity(behind, request as Doc);
      const patched = { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
      return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: request.uid, allowed: true, ...(patch.length > 0 && patched) } };
    },
  };
  const server = createServer({ cert: certificate.cert, key: certificate.key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = new URL(request.url ?? '/', 'https://x').pathname;
      const answer = answers[path];
      if (answer === undefined) return void response.writeHead(404).end();
      answer(JSON.parse(Buffer.concat(chunks).toString()) as Doc).then(
        (body) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    attach: (of) => void (behind = of),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Only principals with an access entry are let in, as administrators. */
function iamUser(account: AwsAccount, token: string): Doc | undefined {
  if (!token.startsWith(EKS_TOKEN)) return undefined;
  const caller = account.callerOfPresigned(Buffer.from(token.slice(EKS_TOKEN.length), 'base64url').toString('utf8'));
  if (caller === undefined || account.accessOf(caller.arn) === undefined) return undefined;
  return { username: caller.arn, uid: `aws-iam-authenticator:${account.id}:${caller.arn}`, groups: ['system:masters'] };
}

async function podIdentity({ account, api }: { readonly account: AwsAccount; readonly api: KubeApi }, request: Doc): Promise<readonly Doc[]> {
  const pod = request['object'] as Pod;
  const namespace = String(request['namespace']);
  const name = pod.spec.serviceAccountName ?? 'default';
  const found = await api.ask('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`);
  const serviceAccount = found.status === 200 ? (found.body as KubeObject) : undefined;
  const store = { get: () => serviceAccount } as unknown as ObjectStore;
  const better = admitted(store, account, { ...pod, metadata: { ...pod.metadata, namespace } });
  return better === undefined ? [] : [{ op: 'replace', path: '/spec', value: better.spec }];
}
