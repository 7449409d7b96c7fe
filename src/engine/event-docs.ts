/** What each event means, for readers of `--output json`. A record over the table of events, so that none can be missing. */
import type { Happenings } from './types.ts';

export interface EventDoc<T extends keyof Happenings> {
  /** When it is emitted. */
  readonly when: string;
  /** Every field, with its meaning. */
  readonly fields: { readonly [F in keyof Happenings[T]]-?: string };
}

const problem = 'what is wrong: code, message, fix, and evidence where something was seen';
const step = 'id of the step';

export const eventDocs: { readonly [T in keyof Happenings]: EventDoc<T> } = {
  'run.started': {
    when: 'first event of every run whose settings could be read',
    fields: { command: 'install, plan, status, verify, doctor or uninstall', version: 'of loki-eks', sandbox: 'true when everything is simulated' },
  },
  'fact.found': { when: 'something was learnt about the account or the cluster', fields: { fact: 'what it is about', value: 'in words' } },
  'warning.raised': { when: 'something is wrong that does not stop the run', fields: { problem } },
  'call.late': {
    when: 'AWS, the cluster, Grafana or helm is slow to answer, and again while it goes on',
    fields: { call: 'what was asked, such as eks:DescribeCluster', seconds: 'how long it has been waited for' },
  },
  'checks.started': {
    when: 'checks begin, all at once',
    fields: { at: 'preflight, verify, status or doctor', checks: 'id and title of each; the title reads as a fact' },
  },
  'check.said': { when: 'a check that takes its time tells how far it is', fields: { check: 'id of the check', text: 'in words' } },
  'check.finished': {
    when: 'a check has its answer',
    fields: { check: 'id of the check', title: 'the fact that was checked', verdict: 'is: pass (saw), warn (problem), fail (problem) or skip (why)' },
  },
  'plan.finished': {
    when: 'it is known what would change',
    fields: {
      changes: 'how many; 0 means that everything is as wanted',
      steps: 'every step with its title and finding: matches, differs with changes (action, target, detail, diff), or blocked with a problem',
      result: 'with --show: shown, the documents by file name',
    },
  },
  'steps.started': { when: 'acting begins', fields: { doing: 'install, mend, adopt, orphan, uninstall or recover', steps: 'id and title of each, in order' } },
  'step.started': { when: 'a step begins to change something; several may be under way', fields: { step } },
  'step.said': { when: 'a step tells what it does, or what a wait waits for', fields: { step, text: 'in words' } },
  'step.unchanged': { when: 'a step had nothing to do', fields: { step, note: 'why, when that is not simply that everything is as wanted' } },
  'step.done': { when: 'a step has made its part true, or has taken it away', fields: { step } },
  'step.kept': {
    when: 'uninstall leaves something on purpose',
    fields: { step, target: 'what is kept', why: 'in words', how: 'the command that takes it away' },
  },
  'step.failed': { when: 'a step could not do its part', fields: { step, problem } },
  'undo.started': { when: 'a deed of this run begins to be taken back', fields: { step, did: 'the deed, as in the journal' } },
  'undo.done': { when: 'a deed was taken back', fields: { step, did: 'the deed' } },
  'undo.failed': { when: 'a deed could not be taken back and stays', fields: { step, did: 'the deed', problem } },
  'probes.placed': { when: 'short-lived pods that print lines are being made', fields: {} },
  'probes.removed': { when: 'they are gone again', fields: { left: 'how many are still there; they end by themselves' } },
  'verify.finished': {
    when: 'what was asked to be proved is proved or refuted',
    fields: {
      result:
        'found (everything that was tried is proved), counts (linux, tried, found, failed, passedOver, sampled), latency (p50, p95, max: seconds from print to visible), nodes (node, state: found, failed or passed-over, seconds, zone, instanceType, taints, why, problem), proofs (proof, title, state: proved, failed or skipped, saw, why, problem), untried (proof, title), line, query, labels, tenant and node of one printed line, seconds (the whole took), problems',
    },
  },
  'status.finished': {
    when: 'the status is complete',
    fields: { result: 'cluster, region, namespace, sandbox, components, releases, nodes, drift, buckets, healthy, notes' },
  },
  'doctor.finished': {
    when: 'the way of the logs has been walked, or values files have been judged; with --fix once before mending and once after, and the last one counts',
    fields: {
      result:
        'mode (cluster or values), healthy, root and findings (check, hop, role: root, also or consequence, severity: fail or warn, problem), hops (hop, state, saw), unseen (what, why), subject',
    },
  },
  'note.given': { when: 'something belongs to the result: the next command, where the password is', fields: { text: 'in words' } },
  'run.finished': {
    when: 'last event of every run, whatever happened',
    fields: {
      command: 'the command',
      outcome: 'ok, nothing-to-do, changes-pending, unhealthy, refused, undone, left, interrupted or defect',
      exit: 'the exit code of the process',
      writes: 'how many changes were made; 0 means that nothing was written anywhere',
      problems: 'everything that went wrong',
      left: 'what could not be taken back: step, receipt and problem of each',
      tookBack: 'true when what was done is that an earlier run was taken back',
      sandbox: 'true when everything was simulated',
      seconds: 'how long it took',
    },
  },
};
