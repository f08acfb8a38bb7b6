using System.CommandLine;
using PostTrainGate.Reading;

namespace PostTrainGate.Cli.Shards;

/// <summary>
/// <c>posttraingate merge</c>: a check that finds the work of all shards done, so that its result is that of one
/// machine.
/// </summary>
internal static class MergeCommand
{
    /// <summary>The command.</summary>
    public static Command Command(CliHost host)
    {
        var path = new Argument<string>("policy")
        {
            Description = $"The policy, or a folder that contains {PolicyReader.FileName}.",
        };
        var parts = new Argument<string[]>("parts")
        {
            Description = "The parts of all shards; of a folder, the files that end in .json.",
            Arity = ArgumentArity.OneOrMore,
        };
        var report = new ReportOptions(
            "Git reference whose policy applies and whose model is the baseline; the same as of the shards.",
            "The baseline model; the same as of the shards."
        );
        var command = new Command("merge", "Judges what shards measured, and reports as one check would.")
        {
            path,
            parts,
        };
        foreach (var option in report.All)
            command.Add(option);
        command.SetAction(
            (parsed, cancel) =>
                new CheckCommand(host).RunAsync(
                    report.Read(parsed) with
                    {
                        Path = parsed.GetRequiredValue(path),
                        Parts = [.. parsed.GetRequiredValue(parts).SelectMany(Files)],
                        Repair = false,
                        Full = true,
                        NoCache = true,
                    },
                    cancel
                )
        );
        return command;
    }

    private static IEnumerable<string> Files(string given) =>
        Directory.Exists(given) ? Directory.EnumerateFiles(given, "*.json").Order(StringComparer.Ordinal) : [given];
}
