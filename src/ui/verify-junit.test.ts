import { expect, it } from 'vitest';
import type { VerifyResult } from '../engine/types.ts';
import { verifyJunit } from './verify-junit.ts';

const wrong = {
  code: 'LINE_CHANGED',
  message: 'The line came back changed: "a" <b> & \u001b[31mred\u001b[0m \ud800\ufffe',
  fix: 'loki-eks install',
  evidence: ['printed on node-b: loki-eks verify 0f1e/1'],
};

it('has a case for each node and each proof, and nothing in it that is no XML', () => {
  const result: VerifyResult = {
    found: false,
    counts: { linux: 2, tried: 2, found: 1, failed: 1, passedOver: 1, sampled: false },
    tenant: 'demo',
    untried: [],
    problems: [wrong],
    seconds: 12.5,
    nodes: [
      { node: 'node-a', state: 'found', seconds: 1.25 },
      { node: 'node-b', state: 'failed', problem: wrong },
      { node: 'fargate-c', state: 'passed-over', why: 'Fargate, which runs no DaemonSets' },
    ],
    proofs: [
      { proof: 'lines', title: 'Pod logs are queryable', state: 'failed', problem: wrong },
      { proof: 'login', title: 'The gateway refuses strangers', state: 'proved', detail: 'HTTP 401' },
      { proof: 's3', title: "Chunks are written to S3 with the role's credentials", state: 'skipped', why: 'no ingester is ready to flush' },
    ],
  };
  expect(verifyJunit({ result, problems: [wrong] })).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="loki-eks verify" tests="6" failures="2" errors="0" skipped="2" time="12.500">
  <testsuite name="nodes" tests="3" failures="1" errors="0" skipped="1" time="1.250">
    <testcase classname="loki-eks.verify.nodes" name="node-a" time="1.250"/>
    <testcase classname="loki-eks.verify.nodes" name="node-b" time="0.000">
      <failure type="LINE_CHANGED" message="The line came back changed: &quot;a&quot; &lt;b&gt; &amp; red \ufffd\ufffd">The line came back changed: &quot;a&quot; &lt;b&gt; &amp; red \ufffd\ufffd&#10;evidence: printed on node-b: loki-eks verify 0f1e/1&#10;fix: loki-eks install</failure>
    </testcase>
    <testcase classname="loki-eks.verify.nodes" name="fargate-c" time="0.000">
      <skipped message="Fargate, which runs no DaemonSets"/>
    </testcase>
  </testsuite>
  <testsuite name="proofs" tests="3" failures="1" errors="0" skipped="1" time="0.000">
    <testcase classname="loki-eks.verify.proofs" name="Pod logs are queryable" time="0.000">
      <failure type="LINE_CHANGED" message="The line came back changed: &quot;a&quot; &lt;b&gt; &amp; red \ufffd\ufffd">The line came back changed: &quot;a&quot; &lt;b&gt; &amp; red \ufffd\ufffd&#10;evidence: printed on node-b: loki-eks verify 0f1e/1&#10;fix: loki-eks install</failure>
    </testcase>
    <testcase classname="loki-eks.verify.proofs" name="The gateway refuses strangers" time="0.000">
      <system-out>HTTP 401</system-out>
    </testcase>
    <testcase classname="loki-eks.verify.proofs" name="Chunks are written to S3 with the role's credentials" time="0.000">
      <skipped message="no ingester is ready to flush"/>
    </testcase>
  </testsuite>
</testsuites>
`);
});

it('is one failed case for a run that did not come to a result', () => {
  const text = verifyJunit({ problems: [{ code: 'NOT_INSTALLED', message: 'loki-eks is not installed', fix: 'loki-eks install' }] });
  expect(text).toContain('<testsuites name="loki-eks verify" tests="1" failures="1" errors="0" skipped="0" time="0.000">');
  expect(text).toContain('<testcase classname="loki-eks.verify.run" name="verify" time="0.000">');
  expect(text).toContain('<failure type="NOT_INSTALLED"');
});
