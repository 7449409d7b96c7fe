/** What `exec` prints: the real output where something is mounted, nothing where only the image could tell. */
import { expect, it } from 'vitest';
import { runProgram } from './programs.ts';

const mounted = {
  roots: ['/etc/alloy', '/var/log'],
  files: [
    { path: '/etc/alloy/config.alloy', text: 'logging { }\n' },
    { path: '/var/log/pods/default_train_1/train/1.log', text: 'b\n' },
    { path: '/var/log/pods/default_train_1/train/0.log', text: 'a\n' },
  ],
};
const bare = { roots: ['/etc/alloy'], files: [] };

it('lists a folder and all below it', () => {
  expect(runProgram(['ls', '-R', '/var/log/pods/'], mounted)).toEqual({
    stdout: '/var/log/pods:\ndefault_train_1\n\n/var/log/pods/default_train_1:\ntrain\n\n/var/log/pods/default_train_1/train:\n0.log\n1.log\n',
    stderr: '',
    code: 0,
  });
  expect(runProgram(['/bin/ls', '/var/log'], mounted)?.stdout).toBe('pods\n');
  expect(runProgram(['ls', '/etc/alloy'], bare)).toEqual({ stdout: '', stderr: '', code: 0 });
});

it('prints files one after the other', () => {
  expect(runProgram(['cat', '/etc/alloy/config.alloy', '/var/log/pods/default_train_1/train/0.log'], mounted)?.stdout).toBe('logging { }\na\n');
  expect(runProgram(['cat', '/etc/alloy/none'], mounted)).toMatchObject({ stderr: 'cat: /etc/alloy/none: No such file or directory\n', code: 1 });
});

it('finds no logs where none are mounted', () => {
  expect(runProgram(['ls', '-R', '/var/log/pods'], bare)).toEqual({
    stdout: '',
    stderr: "ls: cannot access '/var/log/pods': No such file or directory\n",
    code: 2,
  });
});

it('says nothing of what only the image knows', () => {
  for (const words of [['ls'], ['ls', '/'], ['ls', '/bin'], ['ls', '/var/log'], ['ls', '-la', '/etc/alloy'], ['nginx', '-t'], ['cat', '/etc/alloy2']])
    expect(runProgram(words, bare)).toBeUndefined();
});
