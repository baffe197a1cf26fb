/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - how operators and the Admin API reach a supervisor on its own machine.
 *
 * In actuator.runtime_directory each actuator has two sockets, named after its index:
 *
 *   actuator-0.wake      datagrams; each one, whatever is in it, means "look at the store now". The
 * Admin API sends one to every *.wake after it created or changed a manifest. Losing one costs a
 *                        poll interval, nothing else.
 *   actuator-0.control   stream, mode 0660. One JSON object a line each way, CONTROL_LINE_MAXIMUM
 * bytes at most:
 *
 *   {"command":"status"}  ->
 * {"ok":true,"actuator":{"id","index","hostname","version","pid","startedAt","ready",
 *                              "notReady":["..."],"mode","draining","buckets":[0,255],
 *                              "liveActuators","maxWorkers","workersActive","storeReachable","landlockAbi"}}
 *   {"command":"ps"}      ->  the same with
 * "workers":[{"pid","slot","manifestID","taskID","task","clusterResourceID","attempt",
 *                              "step","steps","stepName","statusText","runMilliseconds","rssKiB"}]
 *   {"command":"security"} -> the same with "processes":[{"role","pid","landlockAbi"}], for workers
 * with "manifestID", "task" and "clusterResourceID". What else there is to know of a process /proc
 * tells (process_security.h)
 *   {"command":"pause"}   ->  as status. Nothing is claimed; the buckets stay this actuator's
 *   {"command":"drain"}   ->  as status. Nothing is claimed, the buckets go to the others; mode
 * becomes "drained" when the last attempt has ended
 *   {"command":"resume"}  ->  as status. Works on
 *   anything else         ->  {"ok":false,"error":"unknown command \"...\"; known: status, ps,
 * ..."}
 *
 * mode: starting, working, paused, draining, drained, stopping.
 */
#ifndef MIMO_CONTROL_H
#define MIMO_CONTROL_H

#define CONTROL_SUFFIX      ".control"
#define CONTROL_WAKE_SUFFIX ".wake"

enum { CONTROL_LINE_MAXIMUM = 1024 * 1024 };

#endif
