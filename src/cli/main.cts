#!/usr/bin/env node
/*
 * A worker computes on libuv's thread pool, and llama.cpp starts its other threads from there, for every step. With
 * several pool threads that take turns, the kernel often puts two computing threads on one core, where they wait for
 * each other: a step then takes up to five times as long (docs/engine.md). libuv reads the size when the pool is first
 * used, which loading an ES module is, so this file is none.
 */
if (process.argv[2] === 'worker') process.env.UV_THREADPOOL_SIZE ??= '1';
void import('./run.js');
