package io.gantry.runtime;

import io.gantry.cri.v1.ContainerEventType;

/**
 * Hears of each change of a pod or container after it can be seen. Called while locks are held, from the thread that made the change: it
 * must not block.
 */
interface LifecycleListener {
    LifecycleListener NONE = new LifecycleListener() {
        @Override
        public void pod(Pod pod, ContainerEventType event) {}

        @Override
        public void container(Container container, ContainerEventType event) {}
    };

    void pod(Pod pod, ContainerEventType event);

    void container(Container container, ContainerEventType event);
}
