using System.Globalization;
using PostTrainGate.Foundation;

namespace PostTrainGate.Cli.Shards;

/// <summary>
/// Which shard this machine has: as given, or from the variables that a scheduler sets for the tasks of an array.
/// </summary>
internal static class ShardNumber
{
    private const int Most = 10_000;
    private const string Auto = "auto";

    /// <summary>The number, from 1, and how many there are.</summary>
    /// <param name="text"><c>K/N</c>, <c>auto</c> or <c>auto/N</c>.</param>
    /// <param name="variable">The environment.</param>
    /// <exception cref="GateException">PTG8001: it is no shard, and what would be one.</exception>
    public static (int Number, int Of) Read(string text, Func<string, string?> variable)
    {
        var (number, of) = text.Split('/') switch
        {
            [Auto] => FromEnvironment(null, variable),
            [Auto, var count] => FromEnvironment(Count(count, text), variable),
            [var own, var count] => (Count(own, text), Count(count, text)),
            _ => throw Refused($"'--shard {text}' is neither K/N, such as 2/7, nor auto or auto/N."),
        };
        if (of is < 1 or > Most)
            throw Refused($"'--shard {text}' asks for {of} shards; there may be 1 to {Most}.");
        if (number < 1 || number > of)
            throw Refused($"'--shard {text}' is shard {number} of {of}; the first is 1/{of} and the last {of}/{of}.");
        return (number, of);
    }

    private static (int Number, int Of) FromEnvironment(int? of, Func<string, string?> variable)
    {
        if (Number("SLURM_ARRAY_TASK_ID") is { } task)
            return FromSlurm(task, of);
        if (Number("AWS_BATCH_JOB_ARRAY_INDEX") is { } child)
            return (child + 1, of ?? Number("AWS_BATCH_JOB_ARRAY_SIZE") ?? throw Countless());
        if (Number("JOB_COMPLETION_INDEX") is { } pod)
            return (pod + 1, of ?? throw Countless());
        throw Refused(
            "'--shard auto' needs the variable SLURM_ARRAY_TASK_ID, AWS_BATCH_JOB_ARRAY_INDEX or "
                + "JOB_COMPLETION_INDEX, and none is set; give the shard as K/N."
        );

        (int, int) FromSlurm(int task, int? of)
        {
            var (least, step, count) = (
                Number("SLURM_ARRAY_TASK_MIN"),
                Number("SLURM_ARRAY_TASK_STEP") ?? 1,
                Number("SLURM_ARRAY_TASK_COUNT")
            );
            // A single task that is submitted again is an array of its own, so that only its id tells which it is.
            return of is null || of == count
                ? ((task - (least ?? 1)) / Math.Max(1, step) + 1, of ?? count ?? throw Countless())
                : (task, of.Value);
        }

        int? Number(string name) =>
            variable(name) is { } value
                ? int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                    ? number
                    : throw Refused(
                        $"The variable {name} is '{value}', which is not a whole number; give the shard as K/N."
                    )
                : null;

        static GateException Countless() =>
            Refused("The environment does not tell how many shards there are; give '--shard auto/N'.");
    }

    private static int Count(string digits, string text) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Refused($"'--shard {text}': '{digits}' is not a number of shards; give K/N, such as 2/7.");

    /// <summary>PTG8001 with a reason.</summary>
    public static GateException Refused(string why) => new(new Diagnostic(DiagnosticCodes.ShardRefused, why));
}
