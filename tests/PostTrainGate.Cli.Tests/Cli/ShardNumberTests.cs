using PostTrainGate.Cli.Shards;
using PostTrainGate.Foundation;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>Which shard a machine has, as schedulers say it.</summary>
public class ShardNumberTests
{
    [Theory]
    [InlineData("auto", "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=7", 3, 7)]
    [InlineData("auto", "SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_COUNT=7", 1, 7)]
    [InlineData(
        "auto",
        "SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_STEP=2 SLURM_ARRAY_TASK_COUNT=4",
        3,
        4
    )]
    [InlineData("auto/7", "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=3 SLURM_ARRAY_TASK_COUNT=1", 3, 7)]
    [InlineData("auto/4", "JOB_COMPLETION_INDEX=0", 1, 4)]
    [InlineData("auto/4", "JOB_COMPLETION_INDEX=3", 4, 4)]
    [InlineData("auto", "AWS_BATCH_JOB_ARRAY_INDEX=2 AWS_BATCH_JOB_ARRAY_SIZE=3", 3, 3)]
    public void Schedulers_say_which_shard_it_is(string text, string variables, int number, int of)
    {
        var set = variables.Split(' ').Select(v => v.Split('=')).ToDictionary(v => v[0], v => v[1]);
        Assert.Equal((number, of), ShardNumber.Read(text, set.GetValueOrDefault));
    }

    [Theory]
    [InlineData("auto", "JOB_COMPLETION_INDEX=0", "give '--shard auto/N'")]
    [InlineData("auto/4", "JOB_COMPLETION_INDEX=4", "is shard 5 of 4")]
    [InlineData("auto", "SLURM_ARRAY_TASK_ID=x", "'x', which is not a whole number")]
    public void Schedulers_that_do_not_say_it_are_an_error(string text, string variables, string words)
    {
        var set = variables.Split(' ').Select(v => v.Split('=')).ToDictionary(v => v[0], v => v[1]);
        var refused = Assert.Throws<GateException>(() => ShardNumber.Read(text, set.GetValueOrDefault));
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
    }
}
