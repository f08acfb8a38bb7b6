using System.Text.Json;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reading;
using PostTrainGate.Reporting;

namespace PostTrainGate.Cli;

/// <summary>The result that a run left, and the policy that it was for.</summary>
/// <param name="File">The result's file.</param>
/// <param name="Result">The result.</param>
/// <param name="Policy">The policy as it is now.</param>
internal sealed record LastRun(string File, GateResult Result, GatePolicy Policy)
{
    private const long Largest = 64 << 20;
    private static readonly string Name = new GateJson().FileName;

    /// <summary>Finds the result in a folder of reports, or in that of a policy; null where there is none.</summary>
    /// <param name="given">A result, a folder of reports, a policy, or a policy's folder.</param>
    /// <exception cref="GateException">It cannot be read, or its policy cannot be found.</exception>
    public static LastRun? Find(string given)
    {
        if (FindFile(given) is not { } file)
            return null;
        var result = Read(file);
        return new(file, result, PolicyOf(file, result));
    }

    /// <summary>The same result's file alone.</summary>
    public static string? FindFile(string given) =>
        Path.Exists(given) ? Places(given).FirstOrDefault(System.IO.File.Exists) : null;

    private static IEnumerable<string> Places(string given)
    {
        if (System.IO.File.Exists(given) && given.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
            return [given];
        var policy = Directory.Exists(given) ? Path.Combine(given, PolicyReader.FileName) : given;
        var folder = Directory.Exists(given) ? given : Path.GetDirectoryName(given) ?? "";
        List<string> places = [Path.Combine(folder, Name)];
        if (System.IO.File.Exists(policy) && PolicyReader.Read(policy).Policy is { } read)
            places.Add(Path.Combine(folder, read.Report.Folder, Name));
        places.Add(Path.Combine(folder, ReportPolicy.UsualFolder, Name));
        return places;
    }

    /// <summary>Reads a result.</summary>
    /// <exception cref="GateException">It is none.</exception>
    public static GateResult Read(string file, string code = DiagnosticCodes.RepairNotApplied)
    {
        try
        {
            return new FileInfo(file).Length <= Largest
                ? GateJson.Parse(System.IO.File.ReadAllText(file))
                : throw new JsonException("it is too large");
        }
        catch (JsonException broken)
        {
            throw Wrong(file, $"This is no result of a run ({broken.Message.Split('\n')[0].TrimEnd('.')}).", code);
        }
    }

    // A result names its policy by the path that the run was given; where that leads nowhere, the folders above the
    // report are searched.
    private static GatePolicy PolicyOf(string file, GateResult result)
    {
        var name = Path.GetFileName(result.Policy);
        var candidates = new List<string>();
        for (var at = Path.GetDirectoryName(Path.GetFullPath(file)); at is not null; at = Path.GetDirectoryName(at))
            candidates.Add(Path.Combine(at, name));
        candidates.Add(Path.GetFullPath(result.Policy));
        if (candidates.Find(System.IO.File.Exists) is not { } policy)
            throw Wrong(file, $"Its policy {Wording.Quote(result.Policy)} is neither here nor in a folder above.");
        policy = Path.GetRelativePath(Directory.GetCurrentDirectory(), policy);
        var (read, wrong) = PolicyReader.Read(policy);
        return read ?? throw new GateException([.. wrong]);
    }

    /// <summary>Why a run cannot be used for what was asked.</summary>
    public static GateException Wrong(string file, string message, string code = DiagnosticCodes.RepairNotApplied) =>
        new(new Diagnostic(code, message, new SourcePosition(file, 0, 0)));
}
