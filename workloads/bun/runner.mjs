#!/usr/bin/env bun
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The runner of wallgap for Bun: what ../node/runner.mjs is for Node.js. Here is what differs: the
// clock, how the loader is read, and how lanes come to exist.
import { main } from '../node/main.mjs';
import { single } from '../node/single.mjs';
import { procs } from './procs.mjs';
import * as runtime from './runtime.mjs';
import { threads } from './threads.mjs';

main({ ...runtime, models: { single, threads, procs } });
