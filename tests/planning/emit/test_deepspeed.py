"""What is written for DeepSpeed: JSON with keys that it reads, and batches that multiply to the whole."""

from recipes import grid, names_of, strict

DEEPSPEED_KEYS = """
    train_batch_size train_micro_batch_size_per_gpu gradient_accumulation_steps sequence_parallel_size
    data_parallel_size expert_parallel expert_parallel.enabled expert_parallel.autoep_size optimizer optimizer.type
    optimizer.params optimizer.params.lr optimizer.params.weight_decay optimizer.params.betas gradient_clipping
    scheduler scheduler.type scheduler.params scheduler.params.total_num_steps scheduler.params.warmup_num_steps
    scheduler.params.warmup_type scheduler.params.cos_min_ratio scheduler.params.warmup_min_lr
    scheduler.params.warmup_max_lr zero_optimization zero_optimization.stage zero_optimization.overlap_comm
    zero_optimization.zero_hpz_partition_size zero_optimization.zero_quantized_gradients bf16 bf16.enabled data_types
    data_types.grad_accum_dtype communication_data_type seq_parallel_communication_data_type compile
    compile.deepcompile activation_checkpointing activation_checkpointing.partition_activations
    activation_checkpointing.cpu_checkpointing
    zero_optimization.offload_optimizer zero_optimization.offload_optimizer.device
    zero_optimization.offload_optimizer.pin_memory zero_optimization.offload_optimizer.nvme_path
    zero_optimization.offload_param zero_optimization.offload_param.device zero_optimization.offload_param.pin_memory
    zero_optimization.offload_param.nvme_path
"""
"""Keys used here that the source of DeepSpeed 0.19.8 reads."""


def test_deepspeed_files_are_json_with_keys_that_deepspeed_reads():
    found = {name for _, text in grid("deepspeed") for name in names_of(strict(text))}
    assert found - {*DEEPSPEED_KEYS.split()} == set()
    assert len(found) > 35


def test_deepspeed_batches_multiply_to_the_global_batch():
    for told, text in grid("deepspeed"):
        tree = strict(text)
        replicas = 256 // tree.get("sequence_parallel_size", 1)
        assert tree.get("data_parallel_size", replicas) == replicas == told.data_parallel
        each = tree["train_micro_batch_size_per_gpu"] * tree["gradient_accumulation_steps"]
        assert tree["train_batch_size"] == 512 == each * replicas
