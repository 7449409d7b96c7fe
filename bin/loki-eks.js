#!/usr/bin/env node
// Launcher. Written in the language of old Nodes on purpose: it must parse there to be able to say that they are too old.
var found = process.versions.node.split('.');
var major = Number(found[0]);
var minor = Number(found[1]);
var fits = (major === 20 && minor >= 19) || (major === 22 && minor >= 13) || major > 22;

// From its second run on, code that V8 has compiled before is read from the user's cache folder. Node before 22.8 has no such thing.
function keepCompiled() {
  var ofNode = typeof process.getBuiltinModule === 'function' ? process.getBuiltinModule('node:module') : {};
  if (!ofNode.enableCompileCache || process.env.NODE_COMPILE_CACHE) return;
  var home = process.env.XDG_CACHE_HOME || (process.env.HOME && process.env.HOME + '/.cache');
  if (home && isOurs(home, 2) && isOurs(home + '/loki-eks', 18) && isOurs(home + '/loki-eks/compiled', 18))
    ofNode.enableCompileCache(home + '/loki-eks/compiled');
}

// Made where it is missing. What is in it is run unchecked, so that nobody else may be able to write there.
function isOurs(folder, othersMayWrite) {
  var fs = process.getBuiltinModule('node:fs');
  try {
    fs.mkdirSync(folder, 448);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') return false;
  }
  var found = fs.lstatSync(folder);
  return found.isDirectory() && (!process.getuid || found.uid === process.getuid()) && (found.mode & othersMayWrite) === 0;
}

if (fits) {
  keepCompiled();
  import('../dist/main.js').catch(function (error) {
    process.stderr.write('loki-eks could not be loaded: ' + (error && error.message) + '\n');
    process.exitCode = 1;
  });
} else {
  process.stderr.write('loki-eks needs Node.js 20.19 or newer of 20, 22.13 or newer of 22, or 23 and later; this is ' + process.versions.node + '\n');
  process.exitCode = 2;
}
