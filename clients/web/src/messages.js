// What went wrong, in words for the person who listens.

const BY_REASON = {
  OFFLINE: "You seem to be offline. Music goes on as soon as the connection is back.",
  TRACK_NOT_FOUND: "This track is no longer in the library.",
  TRACK_NOT_READY: "This track is still being prepared. Try again in a moment.",
  NOT_LICENSED: "This track is not licensed for you.",
  INSUFFICIENT_SCOPE: "This sign-in does not allow listening. Sign in again, or ask for a new link.",
  TOO_MANY_STREAMS: "You are listening on another device. Choose a track here to go on with it on this one.",
  SKIP_LIMIT: "That was the last skip of this hour on your plan.",
  NOT_A_MEMBER: "You are no longer in this session.",
  BAD_INVITE: "This invitation is no longer good. Ask for a new one.",
  SESSION_ENDED: "The session has ended.",
  SESSION_FULL: "The session is full.",
  PLAYLIST_NOT_FOUND: "This playlist is not there, or not for you.",
  NO_STREAM: "This track has no stream that this player can play.",
};

// Which condition no licence met.
const BY_DECISION = {
  NO_LICENCE: "No licence covers this track at the moment.",
  TERRITORY: "This track is not licensed where you are.",
  PLAN: "This track is not part of your plan.",
  WINDOW_NOT_OPEN: "This track is not out yet.",
  WINDOW_CLOSED: "The licence for this track has ended.",
  HELD_BACK: "The label holds this track back for now.",
  RIGHTS_UNAVAILABLE: "We cannot tell right now whether you may hear this track. Try again in a moment.",
};

/** One sentence for an ApiError, a shaka error or anything else that was thrown. */
export function wordsFor(error) {
  if (BY_DECISION[error?.decision]) return BY_DECISION[error.decision];
  if (BY_REASON[error?.reason]) return BY_REASON[error.reason];
  if (error?.status === 401) return "Your sign-in has expired. Sign in again, or ask for a new link.";
  if (error?.status === 403) return BY_REASON.NOT_LICENSED;
  if (error?.status === 429) return "That was a lot at once. Wait a moment and try again.";
  if (error?.status >= 500) return "The service has a problem right now. Try again in a moment.";
  if (error?.category === 1) return "The stream stopped arriving. It goes on as soon as the connection is back.";
  if (error?.category === 3) return "Your browser cannot play this stream.";
  return "That did not work. Try again in a moment.";
}

/** Is it the sign-in that is over, rather than this one request? */
export function isSignedOut(error) {
  return error?.status === 401;
}
