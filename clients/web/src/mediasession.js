// The system's own controls: lock screen, headset buttons, media keys.

export function describeSession(session, player) {
  if (!session) return { track() {}, position() {} };
  const actions = {
    play: () => player.toggle(),
    pause: () => player.toggle(),
    nexttrack: () => player.next(),
    previoustrack: () => player.previous(),
    seekto: ({ seekTime }) => player.seek(seekTime),
    seekforward: ({ seekOffset }) => player.seek(player.positionS + (seekOffset || 10)),
    seekbackward: ({ seekOffset }) => player.seek(player.positionS - (seekOffset || 10)),
  };
  for (const [name, action] of Object.entries(actions)) {
    try {
      session.setActionHandler(name, action);
    } catch {
      // Not every browser knows every action.
    }
  }
  return {
    track(track, artist, cover) {
      session.metadata = new MediaMetadata({
        title: track.name,
        artist,
        album: track.album?.name ?? "",
        artwork: cover ? [{ src: cover }] : [],
      });
    },
    position() {
      session.playbackState = player.playing ? "playing" : player.track ? "paused" : "none";
      const { durationS: duration, positionS: position } = player;
      if (duration > 0) session.setPositionState?.({ duration, position: Math.min(position, duration), playbackRate: 1 });
    },
  };
}
