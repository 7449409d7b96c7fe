/** The AWS server: one HTTP listener for S3, IAM, STS, EKS and EC2, dispatched by the service in the signature's scope. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Faults } from '../call-faults.ts';
import { AwsFault } from '../types.ts';
import type { Call, Fault } from '../types.ts';
import type { AwsAccount } from './account.ts';
import { authenticate } from './authenticate.ts';
import { queryCodes } from './iam-server.ts';
import type { ServiceCall, ServiceServer } from './service-server.ts';
import { readSignature } from './sigv4.ts';
import { unsignedAction } from './sts-server.ts';
import type { WireAnswer, WireRequest } from './wire.ts';
import { readRequest } from './wire.ts';

export interface AwsServerOptions {
  readonly account: AwsAccount;
  readonly faults: Pick<Faults, 'match'>;
  readonly onCall: (call: Call) => void;
}

export function awsServer(options: AwsServerOptions): (request: IncomingMessage, response: ServerResponse) => void {
  return (message, response) => {
    handle(options, message, response).catch((error: unknown) => {
      if (!response.headersSent) send(response, { status: 500, body: `<Error><Code>InternalError</Code><Message>${String(error)}</Message></Error>` });
      else response.destroy();
    });
  };
}

async function handle(options: AwsServerOptions, message: IncomingMessage, response: ServerResponse): Promise<void> {
  // Node itself answers clients that send `Expect: 100-continue`, before the body arrives.
  const request = await readRequest(message);
  const door = doorOf(options.account, request);
  const routed = tryRoute(door, request);
  if (!('run' in routed)) return send(response, routed);
  const fault = options.faults.match(routed.call);
  if (fault?.how === 'slow') await new Promise<void>((resolve) => void options.account.clock.after(fault.ms ?? 1000, resolve));
  const answer = refusedBy(fault, door, request) ?? settle(options, { door, routed, request, fault });
  options.onCall({ call: routed.call, write: routed.write, status: answer.status });
  if (fault?.how === 'lost') response.socket?.destroy();
  else send(response, answer);
}

function tryRoute(door: ServiceServer, request: WireRequest): ServiceCall | WireAnswer {
  try {
    return door.route(request);
  } catch (error) {
    if (error instanceof AwsFault) return door.renderError(error, request);
    throw error;
  }
}

function doorOf(account: AwsAccount, request: WireRequest): ServiceServer {
  const service = readSignature(request)?.service ?? (isUnsignedSts(request) ? 'sts' : 's3');
  return account.doors[service] ?? unknownService(service);
}

function isUnsignedSts(request: WireRequest): boolean {
  const form = request.method === 'POST' && request.path === '/' ? request.body.toString('latin1', 0, 65_536) : request.rawQuery;
  return new URLSearchParams(form).get('Action') === unsignedAction;
}

function unknownService(service: string): ServiceServer {
  const fault = new AwsFault(404, 'UnknownOperationException', `The sandbox does not simulate the AWS service "${service}".`);
  const body = JSON.stringify({ __type: fault.code, message: fault.message });
  const renderError = (): WireAnswer => ({
    status: fault.status,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': fault.code },
    body,
  });
  const route = (request: WireRequest): ServiceCall => ({ call: `${service}:${request.method}`, write: false, run: renderError });
  return { codes: queryCodes, renderError, route };
}

/** The answer of a rule that prevents the call. */
function refusedBy(fault: Fault | undefined, door: ServiceServer, request: WireRequest): WireAnswer | undefined {
  if (fault?.answer?.body !== undefined) return { status: fault.answer.status, body: fault.answer.body };
  if (fault?.answer) return door.renderError(new AwsFault(fault.answer.status, fault.answer.code, fault.answer.message), request);
  if (fault?.how === 'before') return door.renderError(new AwsFault(...door.codes.internal), request);
  if (fault?.how === 'throttle') return door.renderError(new AwsFault(...door.codes.throttled), request);
  if (fault?.how !== 'deny') return undefined;
  return door.renderError(
    new AwsFault(403, door.codes.denied, `User is not authorized to perform: ${fault.call} with an explicit deny in a service control policy`),
    request,
  );
}

interface Attempt {
  readonly door: ServiceServer;
  readonly routed: ServiceCall;
  readonly request: WireRequest;
  readonly fault: Fault | undefined;
}

function settle(options: AwsServerOptions, attempt: Attempt): WireAnswer {
  const { door, routed, request, fault } = attempt;
  try {
    const answer = routed.run(authenticate(options.account, request, { codes: door.codes, unsigned: routed.call === `sts:${unsignedAction}` }));
    return fault?.how === 'after' ? door.renderError(new AwsFault(...door.codes.internal), request) : answer;
  } catch (error) {
    if (error instanceof AwsFault) return door.renderError(error, request);
    throw error;
  }
}

function send(response: ServerResponse, answer: WireAnswer): void {
  const body = answer.body === undefined ? Buffer.alloc(0) : Buffer.from(answer.body);
  const bodyless = answer.status === 204 || answer.status === 304;
  const length = bodyless ? {} : { 'content-length': String(body.length) };
  response.writeHead(answer.status, { ...length, 'x-amz-request-id': 'SANDBOX', ...answer.headers });
  response.end(bodyless ? undefined : body);
}
