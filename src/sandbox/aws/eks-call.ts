/** The type of an EKS route, and helpers that all routes share. */
import type { Json } from '../../engine/types.ts';
import { AwsFault } from '../types.ts';
import type { EksCluster, EksState } from './eks-state.ts';
import type { IamState } from './iam-state.ts';

export interface EksCall {
  readonly state: EksState;
  readonly iam: IamState;
  /** Decoded placeholders of the path, in order. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  /** Checks that the caller may pass this role to EKS; throws AccessDenied. */
  readonly requirePassRole: (roleArn: string) => void;
}

export interface EksRoute {
  readonly name: string;
  readonly method: string;
  /** `:` matches one segment. */
  readonly path: string;
  readonly run: (call: EksCall) => Json;
}

export function notFound(message: string): AwsFault {
  return new AwsFault(404, 'ResourceNotFoundException', message);
}

export function cluster(call: EksCall): EksCluster {
  const name = call.path[0] ?? '';
  const found = call.state.clusters.get(name);
  if (found === undefined) throw notFound(`No cluster found for name: ${name}.`);
  return found;
}

export function listed(call: EksCall, field: string, items: readonly Json[]): Json {
  const max = Number(call.query.get('maxResults') ?? '100');
  if (!(max >= 1 && max <= 100)) throw new AwsFault(400, 'InvalidParameterException', 'maxResults must be between 1 and 100');
  const start = Number(Buffer.from(call.query.get('nextToken') ?? '', 'base64').toString() || '0');
  const nextToken = start + max < items.length ? Buffer.from(String(start + max)).toString('base64') : null;
  return { [field]: items.slice(start, start + max), nextToken };
}
