/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - how operators and the Admin API reach a supervisor on its own machine.
 *
 * In actuator.runtime_directory each actuator has two sockets, named after its index:
 *
 *   actuator-0.wake      datagrams. Each one, whatever is in it, means "look at the store now". The
 *                        Admin API sends one to every *.wake after it created or changed a manifest.
 *                        Losing one costs a poll interval, nothing else.
 *   actuator-0.control   stream. One JSON object a line each way, CONTROL_LINE_MAXIMUM bytes at most
 *
 * Requests and their answers:
 *
 *   {"command":"status"}    "ok": true, and "actuator": see below
 *   {"command":"ps"}        the same, and "workers": one for each attempt
 *   {"command":"security"}  the same, and "processes": what /proc does not show of each
 *                           (process_security.h)
 *   {"command":"pause"}     as status. Nothing is claimed; the buckets stay this actuator's
 *   {"command":"drain"}     as status. Nothing is claimed, the buckets go to the others; mode becomes
 *                           "drained" when the last attempt has ended
 *   {"command":"resume"}    as status. Claims again
 *   anything else           "ok": false, and "error": "unknown command \"...\"; known: ..."
 *
 *   actuator   id, index, hostname, version, pid, startedAt (Unix seconds),
 *              ready, notReady (array of reasons), mode, draining (the process ends),
 *              buckets [first, last], liveActuators, maxWorkers, workersActive,
 *              storeReachable, storeTrouble (why the store does not work; absent while it does),
 *              landlockAbi
 *   workers    pid, slot, state, manifestID, taskID, task, clusterResourceID, attempt, step, steps,
 *              stepName, statusText, runMilliseconds, rssKiB
 *   processes  role, pid, landlockAbi; of workers also manifestID, task, clusterResourceID
 *
 * mode: starting, working, paused, draining, drained, stopping.
 */
#ifndef MIMO_CONTROL_H
#define MIMO_CONTROL_H

#define CONTROL_SUFFIX      ".control"
#define CONTROL_WAKE_SUFFIX ".wake"

enum { CONTROL_LINE_MAXIMUM = 1024 * 1024 };

#endif
