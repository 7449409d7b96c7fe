import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { terminalQuestions } from './questions.ts';

/** A keyboard and a screen; keys are pressed once the question is drawn. */
function terminal(...keys: readonly string[]) {
  const input = new PassThrough();
  const output = new PassThrough();
  let screen = '';
  output.on('data', (chunk) => (screen += String(chunk)));
  const press = async () => {
    for (const key of keys) {
      await new Promise((resolve) => setTimeout(resolve, 60));
      input.write(key);
    }
  };
  return { questions: terminalQuestions({ input, output }), press, screen: () => screen };
}

const clusters = ['dev', 'prod-eu', 'prod-us'].map((value) => ({ value, label: value }));

describe('terminalQuestions', () => {
  it('finds a choice by what is typed', async () => {
    const { questions, press, screen } = terminal('us', '\r');
    const [answer] = await Promise.all([questions.choose('Which cluster?', clusters, { searchable: true }), press()]);
    expect(answer).toBe('prod-us');
    expect(screen()).toContain('Which cluster?');
  });

  it('chooses from a list, starting at the initial one', async () => {
    const { questions, press } = terminal('\r');
    const [answer] = await Promise.all([questions.choose('Which cluster?', clusters, { initial: 'prod-eu' }), press()]);
    expect(answer).toBe('prod-eu');
  });

  it('asks again until a text is right', async () => {
    const { questions, press, screen } = terminal('x\r', '\u007f', '7\r');
    const check = (text: string) => (/^\d+$/.test(text) ? undefined : 'must be a number');
    const [answer] = await Promise.all([questions.text('How many days?', { check }), press()]);
    expect(answer).toBe('7');
    expect(screen()).toContain('must be a number');
  });

  it('takes the initial answer of a yes or no for Enter', async () => {
    const { questions, press } = terminal('\r');
    expect((await Promise.all([questions.confirm('Go on?', false), press()]))[0]).toBe(false);
  });

  it('shows no character of a secret', async () => {
    const { questions, press, screen } = terminal('hunter2', '\r');
    expect((await Promise.all([questions.secret('MFA code'), press()]))[0]).toBe('hunter2');
    expect(screen()).not.toContain('hunter2');
  });

  it('throws INTERRUPTED on Ctrl-C', async () => {
    const { questions, press } = terminal('\u0003');
    const asked = questions.confirm('Go on?', true);
    await Promise.all([expect(asked).rejects.toMatchObject({ problem: { code: 'INTERRUPTED' } }), press()]);
  });
});
