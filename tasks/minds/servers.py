"""How a provider's server is reached: at the address that a person gave and nowhere else, with no other credential."""

import ssl
from urllib.parse import urlsplit

import openai
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai import OpenAIProvider

import settings
from tasks.providers.choice import Candidate

CONNECT_S = 10.0
OPENAI = "api.openai.com"


def client_for(candidate: Candidate, within_s: float) -> openai.AsyncOpenAI:
    """A client for one request, which tries nothing again."""
    trusted = settings.load().ca_bundle
    verify = ssl.create_default_context(cafile=str(trusted)) if trusted else True
    timeout = openai.Timeout(within_s, connect=min(CONNECT_S, within_s))
    # The address is the one that a person gave: no proxy of the environment and no redirect leads elsewhere.
    http = openai.DefaultAsyncHttpxClient(trust_env=False, follow_redirects=False, timeout=timeout, verify=verify)
    return openai.AsyncOpenAI(
        base_url=candidate.base_url,
        api_key=candidate.credential or "none",
        max_retries=0,
        timeout=timeout,
        http_client=http,
        # Else those of the environment are sent to whoever this is.
        default_headers={"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()},  # type: ignore[dict-item]
    )


def model_for(candidate: Candidate, client: openai.AsyncOpenAI) -> OpenAIChatModel:
    """The model, as the library asks it."""
    profile = OpenAIModelProfile(
        # OpenAI's own newer models refuse the old name of the limit, most other servers know no other.
        openai_chat_supports_max_completion_tokens=urlsplit(candidate.base_url).hostname == OPENAI,
        openai_chat_streaming_requires_finish_reason=True,
    )
    return OpenAIChatModel(candidate.model, provider=OpenAIProvider(openai_client=client), profile=profile)
