"""What a key of a config.json may hold, where an architecture looks at it."""

from __future__ import annotations

from typing import Annotated, TypedDict

from msgspec import Meta

from froude.bounds import MOST_COUNT

Size = Annotated[int, Meta(ge=1, le=MOST_COUNT)]
Count = Annotated[int, Meta(ge=0, le=MOST_COUNT)]
Share = Annotated[float, Meta(ge=0, le=1)]


class ConfigKeys(TypedDict, total=False):
    """Types by key; what is not here may be anything, and is looked at with care."""

    _name_or_path: str | None
    model_type: str | None
    architectures: list[str] | None
    layer_types: list[str] | None
    resid_pdrop: Share
    hidden_dropout: Share
    hidden_dropout_prob: Share
    n_layer: Size
    n_layers: Size
    num_layers: Size
    n_embd: Size
    d_model: Size
    n_head: Size
    n_heads: Size
    num_heads: Size
    n_positions: Size
    n_ctx: Size
    vocab_size: Size
    num_hidden_layers: Size
    hidden_size: Size
    num_attention_heads: Size
    intermediate_size: Size | None
    max_position_embeddings: Size
    max_seq_len: Size
    moe_intermediate_size: Size
    num_local_experts: Count | None
    num_experts: Count | None
    num_experts_per_tok: Size
    kv_lora_rank: Size
    qk_nope_head_dim: Size
    qk_rope_head_dim: Size
    v_head_dim: Size
    d_ff: Size
    d_kv: Size
    encoder_layers: Size
    decoder_layers: Size
    encoder_attention_heads: Size
    decoder_attention_heads: Size
    encoder_ffn_dim: Size
    decoder_ffn_dim: Size
    max_source_positions: Size
    max_target_positions: Size
    num_mel_bins: Size
    patch_size: Size
    image_size: Size
    num_channels: Size
    state_size: Size
    conv_kernel: Size
    mamba_d_state: Size
    mamba_d_conv: Size
    mamba_n_heads: Size
    mamba_d_head: Size
    mamba_n_groups: Size
    mamba_expand: Size
    mamba_num_heads: Size
    mamba_head_dim: Size
    ssm_state_size: Size
    linear_key_head_dim: Size
    linear_value_head_dim: Size
    linear_num_key_heads: Size
    linear_num_value_heads: Size
    linear_conv_kernel_dim: Size
    attn_layer_period: Size
    expert_layer_period: Size
    decoder_sparse_step: Size
    index_n_heads: Size
    index_head_dim: Size
    index_topk: Size
    conv_L_cache: Size
    conv1d_width: Size
    ffn_dim: Size
    dim: Size
    multiple_of: Size
    n_kv_heads: Size | None
    n_routed_experts: Size | None
    moe_num_experts: Size
    moe_k: Size
    num_shared_experts: Size
    n_group: Size
    n_groups: Size
    intermediate_size_mlp: Size
    interleave_moe_layer_step: Size
    attention_chunk_size: Size | None
    expansion_ratio: Size
    mm_tokens_per_image: Size
    head_dim: Size | None
    relative_attention_num_buckets: Size
    embedding_size: Size | None
    projection_dim: Size
    num_hidden_groups: Size
    inner_group_num: Size
    moe_latent_size: Size | None
    num_key_value_heads: Count | None
    n_inner: Count | None
    n_shared_experts: Count | None
    first_k_dense_replace: Count | None
    sliding_window: Count | None
    max_window_layers: Count | None
    q_lora_rank: Count | None
    type_vocab_size: Count | None
    shared_expert_intermediate_size: Count | None
    shared_intermediate_size: Count | None
    attn_layer_offset: Count | None
    expert_layer_offset: Count | None
    num_labels: Count | None
    n_head_kv: Count | None
    num_kv_heads: Count | None
    layer_shared_experts: Count | None
    moe_shared_expert_intermediate_size: Count | None
    word_embed_proj_dim: Count | None
    num_register_tokens: Count | None
    num_dense_layers: Count | None
    moe_layer_start_index: Count | None
    tie_word_embeddings: bool | None
    use_sliding_window: bool | None
    attention_bias: bool | None
    mlp_bias: bool | None
    use_bias: bool | None
    qkv_bias: bool | None
    bias: bool | None
    use_qkv_bias: bool | None
    use_qk_norm: bool | None
    qk_layernorm: bool | None
    use_parallel_residual: bool | None
    parallel_attn: bool | None
    new_decoder_architecture: bool | None
    multi_query: bool | None
    alibi: bool | None
    no_bias: bool | None
    use_conv_bias: bool | None
    mamba_conv_bias: bool | None
    mamba_proj_bias: bool | None
    add_cross_attention: bool | None
    is_gated_act: bool | None
    lm_head_bias: bool | None
    moe_router_bias: bool | None
    is_decoder: bool | None
    attn_output_gate: bool | None
    use_mamba_layer_norm: bool | None
    vision_use_head: bool | None
    feedforward_proj_gated: bool | None
    add_bias_linear: bool | None
    add_qkv_bias: bool | None
    is_encoder_decoder: bool | None
    post_attention_norm: bool | None
    do_layer_norm_before: bool | None
    enable_bias: bool | None
    layer_norm_elementwise_affine: bool | None
    scale_embedding: bool | None
    tie_encoder_decoder: bool | None
    use_attention_bias: bool | None
    conv_bias: bool | None
    attention_out_bias: bool | None
    mlp_only_layers: list[Count] | None
    moe_layers: list[Count] | None
