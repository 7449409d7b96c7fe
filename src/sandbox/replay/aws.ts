/** Injected AWS answers: rules for the servers, and the same for the calls that Loki makes in process. */
import { createFaults, type Faults } from '../call-faults.ts';
import { AwsFault, type Fault, type SandboxAccount } from '../types.ts';
import type { AwsEvidence } from './document.ts';

export interface AwsLayer {
  add(by: string, evidence: AwsEvidence): void;
  clear(by: string): void;
  match(call: string): Fault | undefined;
}

export function createAwsLayer(): AwsLayer {
  const rules = new Map<string, Faults>();
  return {
    add(by, { times, ...evidence }) {
      const mine = rules.get(by) ?? createFaults();
      rules.set(by, mine);
      const { call, code = 'AccessDenied', message = 'Access Denied', status = 403, body } = evidence;
      mine.add({ call, how: 'answer', answer: { status, code, message, ...(body !== undefined && { body }) }, ...(times !== undefined && { times }) });
    },
    clear: (by) => void rules.delete(by),
    match: (call) => [...rules.values()].map((one) => one.match(call)).find((fault) => fault !== undefined),
  };
}

const CALLS = { putObject: 's3:PutObject', getObject: 's3:GetObject', deleteObject: 's3:DeleteObject', listObjects: 's3:ListObjectsV2' } as const;

/** The account as the log path sees it: its calls don't pass through a server, and are refused all the same. */
export function accountUnder(account: SandboxAccount, { match }: Pick<AwsLayer, 'match'>): SandboxAccount {
  const guarded =
    <Given extends readonly unknown[], Result>(call: string, act: (...given: Given) => Result) =>
    (...given: Given): Result => {
      const answer = match(call)?.answer;
      if (answer !== undefined) throw new AwsFault(answer.status, answer.code, answer.message);
      return act(...given);
    };
  return {
    ...account,
    assumeRoleWithWebIdentity: guarded('sts:AssumeRoleWithWebIdentity', account.assumeRoleWithWebIdentity),
    putObject: guarded(CALLS.putObject, account.putObject),
    getObject: guarded(CALLS.getObject, account.getObject),
    deleteObject: guarded(CALLS.deleteObject, account.deleteObject),
    listObjects: guarded(CALLS.listObjects, account.listObjects),
  };
}
