/** An endpoint that answers what a test says, and remembers what it was asked: for answers that no imitation of AWS gives. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
export interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
/** `lost`: the request was done, but its answer never arrives. */
export type Script = (asked: Asked, count: number) => Answer | 'lost';

export interface ScriptedEndpoint {
  readonly env: Readonly<Record<string, string>>;
  readonly asked: readonly Asked[];
  readonly stop: () => Promise<void>;
}

export async function scriptedEndpoint(script: Script): Promise<ScriptedEndpoint> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url!, 'http://endpoint');
      const one: Asked = {
        method: request.method!,
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      asked.push(one);
      const answer = script(one, asked.length);
      if (answer === 'lost') return void request.socket.destroy();
      response.writeHead(answer.status, { 'content-type': 'application/xml', ...answer.headers }).end(answer.body ?? nothingSet(one, answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    asked,
    env: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_REGION: 'ap-northeast-2',
      AWS_CONFIG_FILE: '/nonexistent/config',
      AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** S3 answers every GET with a document. */
const nothingSet = ({ method }: Asked, { status }: Answer) => (method === 'GET' && status === 200 ? '<Configuration/>' : undefined);

export const s3Error = (status: number, code: string, message = code): Answer => ({
  status,
  body: `<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});
export const queryError = (status: number, code: string, message = code): Answer => ({
  status,
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
});
