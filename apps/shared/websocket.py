"""The WebSocket conversation both apps hold: short text messages, and a reason when it ends otherwise."""

from fastapi import WebSocket

from apps.shared.schemas import MAX_MESSAGE_CHARACTERS

UNSUPPORTED_DATA = 1003
TOO_BIG = 1009


async def next_text(websocket: WebSocket) -> str | None:
    """The client's next text message; None when the conversation is over."""
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        return None
    text: str | None = message.get("text")
    if text is None:
        await websocket.close(UNSUPPORTED_DATA, "send text")
    elif len(text) > MAX_MESSAGE_CHARACTERS:
        await websocket.close(TOO_BIG, f"send at most {MAX_MESSAGE_CHARACTERS} characters")
    else:
        return text
    return None
