/** The interface between the HTTP server and each AWS service: which call a request is, how to run it, how to render errors. */
import type { AwsFault } from '../types.ts';
import type { Principal } from './principals.ts';
import type { WireAnswer, WireRequest } from './wire.ts';

export interface Caller {
  /** Absent for requests that carry no signature. */
  readonly principal: Principal | undefined;
  /** The region the request was signed for; the account's own for unsigned requests. */
  readonly region: string;
}

export interface ServiceCall {
  /** `s3:CreateBucket` */
  readonly call: string;
  readonly write: boolean;
  readonly run: (caller: Caller) => WireAnswer;
}

export interface ServiceServer {
  readonly route: (request: WireRequest) => ServiceCall;
  readonly renderError: (fault: AwsFault, request: WireRequest) => WireAnswer;
  /** This service's error codes for signature errors and for fault rules. */
  readonly codes: ServiceCodes;
}

export interface ServiceCodes {
  readonly unknownKey: readonly [number, string, string];
  readonly badSignature: readonly [number, string, string];
  readonly expired: readonly [number, string, string];
  readonly badToken: readonly [number, string, string];
  readonly skewed: readonly [number, string, string];
  readonly unsigned: readonly [number, string, string];
  readonly internal: readonly [number, string, string];
  readonly throttled: readonly [number, string, string];
  readonly denied: string;
}
