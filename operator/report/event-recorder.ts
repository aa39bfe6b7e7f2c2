/**
 * Events of Agents, which `kubectl describe` shows. They are sent beside the work: nobody waits for them.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import type { Objects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import { agentApiVersion, agentKind, fieldManagers, operatorName } from "#core/agents/names";
import { messageOf } from "#core/text/message-of";

/** The Agent that an event is about. */
export interface EventSubject {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** An event. */
export interface AgentEvent {
  readonly type: "Normal" | "Warning";
  /** One word, such as `DriftReverted`. */
  readonly reason: string;
  /** What the operator did, such as `Apply`. */
  readonly action: string;
  readonly note: string;
}

/** Sends events. */
export interface EventRecorder {
  /** Takes an event. Returns at once and never throws. */
  readonly record: (subject: EventSubject, event: AgentEvent) => void;
  /** Waits this long at most, in milliseconds, until the events are sent. */
  readonly close: (milliseconds: number) => Promise<void>;
}

/** What the API admits, in characters. */
const longestNote = 1024;
/** Events that wait to be sent. More are dropped: an event is worth less than the memory of a failing operator. */
const mostWaiting = 1000;

function toObject({ namespace, name, uid }: EventSubject, event: AgentEvent, instance: string): KubernetesJson {
  const { type, reason, action, note } = event;
  const { apiVersion, kind } = resourceTypes.Event;
  const object = {
    apiVersion,
    kind,
    metadata: { name: `${name}.${randomUUID().slice(0, 13)}`, namespace },
    eventTime: new Date().toISOString().replace("Z", "000Z"),
    reportingController: `kgents.io/${operatorName}`,
    reportingInstance: instance,
    type,
    reason,
    action,
    note: note.length > longestNote ? `${note.slice(0, longestNote - 1)}…` : note,
    regarding: { apiVersion: agentApiVersion, kind: agentKind, namespace, name, uid },
  };
  return object;
}

/**
 * Creates a recorder.
 *
 * @param instance the name of this process
 * @param log called with what could not be sent
 */
export function createEventRecorder(objects: Objects, instance: string, log: (line: string) => void): EventRecorder {
  const waiting: KubernetesJson[] = [];
  let sending: Promise<void> | undefined;
  let dropped = 0;

  const sendAll = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      try {
        await objects.create(next, { fieldManager: fieldManagers.operator });
      } catch (error) {
        log(`an event was not recorded: ${messageOf(error)}`);
      }
    }
    if (dropped > 0) log(`${dropped} events were dropped: more than ${mostWaiting} waited to be sent`);
    dropped = 0;
    sending = undefined;
  };

  return {
    record: (subject, event) => {
      if (waiting.length >= mostWaiting) {
        dropped += 1;
        return;
      }
      waiting.push(toObject(subject, event, instance));
      sending ??= sendAll();
    },
    close: async (milliseconds) => {
      const patience = Promise.withResolvers<void>();
      const timer = setTimeout(patience.resolve, milliseconds);
      await Promise.race([sending, patience.promise]);
      clearTimeout(timer);
      waiting.length = 0;
    },
  };
}
