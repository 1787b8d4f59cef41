#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The runner of wallgap for Node.js: pools of worker threads and of child processes that do known
// work, by the runner protocol (../protocol.md), or by hand (--help). What Node.js and Bun have in
// common is in this folder as well; ../bun has what differs there.
//
//   main.mjs --- protocol.mjs  the loader's messages        hand.mjs  options, for people
//                       `------- pool.mjs -------'          the orchestrator: build, warm up, go
//                                   |
//             single.mjs   threads.mjs   procs.mjs          how lanes come to exist
//                                   |
//                               lane.mjs                    what a lane does with an order
//                                   |
//                             workloads.mjs                 one task
import { main } from './main.mjs';
import { procs } from './procs.mjs';
import * as runtime from './runtime.mjs';
import { single } from './single.mjs';
import { threads } from './threads.mjs';

main({ ...runtime, models: { single, threads, procs } });
