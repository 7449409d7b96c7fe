/** What each event means, for readers of `--output json`. A record over the event table, so that no event can lack an entry. */
import type { EventMap } from './types.ts';

export interface EventDoc<T extends keyof EventMap> {
  /** When it is emitted. */
  readonly when: string;
  /** Every field, with its meaning. */
  readonly fields: { readonly [F in keyof EventMap[T]]-?: string };
}

const problem = 'the problem: code, message, fix, and evidence if there is any';
const step = 'id of the step';

export const eventDocs: { readonly [T in keyof EventMap]: EventDoc<T> } = {
  'run.started': {
    when: 'first event of every run whose settings could be read',
    fields: { command: 'the command', version: 'version of loki-eks', sandbox: 'true if everything is simulated' },
  },
  'fact.found': { when: 'the run learns something about the account or the cluster', fields: { fact: 'what the fact is about', value: 'human-readable text' } },
  'warning.raised': { when: 'a problem occurs that does not stop the run', fields: { problem } },
  'call.late': {
    when: 'AWS, the cluster, Grafana or helm is slow to respond; repeated while the wait continues',
    fields: { call: 'the call, such as eks:DescribeCluster', seconds: 'seconds waited so far' },
  },
  'checks.started': {
    when: 'checks start, all in parallel',
    fields: { at: 'preflight, verify, status or doctor', checks: 'id and title of each; the title states the expected condition' },
  },
  'check.said': { when: 'a long-running check reports progress', fields: { check: 'id of the check', text: 'human-readable text' } },
  'check.finished': {
    when: 'a check finishes',
    fields: { check: 'id of the check', title: 'the condition that was checked', verdict: 'is: pass (detail), warn (problem), fail (problem) or skip (why)' },
  },
  'plan.finished': {
    when: 'the plan is complete',
    fields: {
      changes: 'number of changes; 0 means everything is up to date',
      steps: 'every step with its title and finding: matches, differs with changes (action, target, detail, diff), or blocked with a problem',
      result: 'with --show: shown, the documents by file name',
    },
  },
  'steps.started': {
    when: 'the run starts making changes',
    fields: { action: 'install, fix, adopt, orphan, uninstall or recover', steps: 'id and title of each, in order' },
  },
  'step.started': { when: 'a step starts making changes; several may run in parallel', fields: { step } },
  'step.said': { when: 'a step reports progress, or what it is waiting for', fields: { step, text: 'human-readable text' } },
  'step.unchanged': { when: 'a step has nothing to do', fields: { step, note: 'reason, if it is other than being up to date' } },
  'step.done': { when: 'a step finishes making or removing its part', fields: { step } },
  'step.kept': {
    when: 'uninstall keeps something on purpose',
    fields: { step, target: 'what is kept', why: 'human-readable text', how: 'the command that removes it' },
  },
  'step.failed': { when: 'a step fails', fields: { step, problem } },
  'undo.started': { when: 'a rollback of one change starts', fields: { step, did: 'the change, as recorded in the journal' } },
  'undo.done': { when: 'a change is rolled back', fields: { step, did: 'the change' } },
  'undo.failed': { when: "a change can't be rolled back and stays", fields: { step, did: 'the change', problem } },
  'probes.placed': { when: 'short-lived pods that print log lines are being created', fields: {} },
  'probes.removed': { when: 'the probe pods are removed', fields: { left: 'number of pods left behind; they exit on their own' } },
  'verify.finished': {
    when: 'verification is complete',
    fields: {
      result:
        'found (every check that ran passed), counts (linux, tried, found, failed, passedOver, sampled), latency (p50, p95, max: seconds from print to query result), nodes (node, state: found, failed or passed-over, seconds, zone, instanceType, taints, why, problem), proofs (proof, title, state: proved, failed or skipped, detail, why, problem), untried (proof, title), line, query, labels, tenant and node of one log line, seconds (total duration), problems',
    },
  },
  'status.finished': {
    when: 'the status is complete',
    fields: { result: 'cluster, region, namespace, sandbox, components, releases, nodes, drift, buckets, healthy, notes' },
  },
  'doctor.finished': {
    when: 'the log path or the values files have been checked; with --fix emitted once before and once after fixing, and the last one counts',
    fields: {
      result:
        'mode (cluster or values), healthy, root and findings (check, hop, role: root, also or consequence, severity: fail or warn, problem, autofix, classes), hops (hop, state, detail), notCollected (what, why), subject',
    },
  },
  'note.given': { when: 'there is additional information: the next command, where to find the password', fields: { text: 'human-readable text' } },
  'run.finished': {
    when: 'last event of every run, regardless of the outcome',
    fields: {
      command: 'the command',
      outcome: 'ok, nothing-to-do, changes-pending, unhealthy, refused, undone, left, interrupted or defect',
      exit: 'the exit code of the process',
      writes: 'number of changes made; 0 means nothing was written anywhere',
      problems: 'all problems',
      left: 'changes that could not be rolled back: step, receipt and problem of each',
      tookBack: 'true if this run rolled back an earlier run',
      sandbox: 'true if everything was simulated',
      seconds: 'duration in seconds',
    },
  },
};
