using System.Text;
using System.Text.RegularExpressions;
using Google.Protobuf;
using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;

namespace PostTrainGate.Gating;

/// <summary>
/// What a run may write over. Where its files go comes from the policy, which may be a stranger's: only files that are
/// not there or that an earlier run wrote, never a link, never what the run reads, never in <c>.git</c> or
/// <c>.github</c>.
/// </summary>
internal static class OutputFiles
{
    private const int HeadBytes = 8192;

    /// <summary>Where the repaired model goes.</summary>
    public static string ModelPath(GatePolicy policy) =>
        policy.Repair?.Output?.FullPath ?? Path.ChangeExtension(policy.Model!.FullPath, ".repaired.onnx");

    /// <summary>Where the best candidate goes when it is not proposed and the policy asks for it.</summary>
    public static string RefusedPath(GatePolicy policy)
    {
        var path = ModelPath(policy);
        var name = Path.GetFileNameWithoutExtension(path);
        const string repaired = ".repaired";
        if (name.EndsWith(repaired, StringComparison.Ordinal))
            name = name[..^repaired.Length];
        return Path.Combine(Path.GetDirectoryName(path)!, $"{name}.refused.onnx");
    }

    /// <summary>Where a report goes.</summary>
    public static string ReportPath(GatePolicy policy, IReportWriter writer) =>
        Path.Combine(policy.Folder, policy.Report.Folder, writer.FileName);

    /// <summary>The reports that a policy asks for.</summary>
    public static IEnumerable<IReportWriter> Reports(GatePolicy policy) => policy.Report.Writers;

    /// <summary>Refuses, before the long work, what could not be written after it.</summary>
    /// <param name="policy">Names the files.</param>
    /// <param name="model">Whether a repaired model may be written.</param>
    /// <param name="reports">Whether reports are.</param>
    /// <exception cref="GateException">A file must not be written.</exception>
    public static void Require(GatePolicy policy, bool model, bool reports)
    {
        List<Diagnostic> refused = [];
        if (model && policy is { Model: not null, Repair: { } repair })
        {
            var at = repair.Output?.Position ?? policy.Model.Position;
            if (WhyNotModel(policy, ModelPath(policy)) is { } why)
                Refuse("repaired model", ModelPath(policy), why, at);
            if (repair.WriteRefused && WhyNotModel(policy, RefusedPath(policy)) is { } not)
                Refuse("refused candidate", RefusedPath(policy), not, at);
        }

        foreach (var writer in reports ? Reports(policy) : [])
            if (WhyNotReport(policy, writer) is { } reason)
                Refuse("report", ReportPath(policy, writer), reason, new(policy.File, 1, 1));
        if (refused.Count > 0)
            throw new GateException(refused);

        void Refuse(string what, string path, string why, SourcePosition at)
        {
            var shown = Wording.Quote(Path.GetRelativePath(policy.Folder, path).Replace('\\', '/'));
            refused.Add(
                new(DiagnosticCodes.OutputRefused, $"The {what} cannot be written to {shown}, which {why}.", at)
            );
        }
    }

    /// <summary>Why a model must not be written; null when it may.</summary>
    public static string? WhyNotModel(GatePolicy policy, string path) =>
        WhyNot(path, IsOurModel, policy) ?? WhyNot($"{path}.data", _ => IsOurModel(path), policy);

    /// <summary>Why a report must not be written; null when it may.</summary>
    public static string? WhyNotReport(GatePolicy policy, IReportWriter writer) =>
        WhyNot(
            ReportPath(policy, writer),
            file => Regex.IsMatch(Head(file), writer.Mark, RegexOptions.CultureInvariant),
            policy
        );

    /// <summary>Why a list of inputs must not be written; null when it may.</summary>
    public static string? WhyNotList(string path, GatePolicy? policy) =>
        WhyNot(Path.GetFullPath(path), file => IsOfList(Head(file).Split('\n')[0]), policy, anywhere: true);

    /// <summary>Why a part of a measurement must not be written; null when it may.</summary>
    public static string? WhyNotPart(string path, string mark) =>
        WhyNot(
            Path.GetFullPath(path),
            file => Head(file).StartsWith(mark, StringComparison.Ordinal),
            policy: null,
            anywhere: true
        );

    private static bool IsOfList(string line) =>
        line.StartsWith("glob:", StringComparison.Ordinal) || Path.IsPathFullyQualified(line);

    private static string? WhyNot(string path, Func<string, bool> isOurs, GatePolicy? policy, bool anywhere = false)
    {
        try
        {
            if (RealPaths.Follow(path) is not { } real)
                return "is behind a cycle of symbolic links";
            if (new FileInfo(path).LinkTarget is not null)
                return "is a symbolic link; name a regular file";
            if (
                !anywhere
                && policy is not null
                && (RealPaths.Follow(policy.Folder) is not { } root || !RealPaths.IsInside(root, real, orEqual: false))
            )
                return "leaves the policy's folder through a symbolic link";
            if (Parts(path).Concat(Parts(real)).FirstOrDefault(IsGits) is { } kept)
                return $"is inside {kept}, where no run may write";
            if (policy is not null && Read(policy).Any(f => RealPaths.IsInside(f, real, orEqual: true)))
                return "is an input of the run; the policy, the model and the data are never replaced";
            return File.Exists(real) && !isOurs(real)
                ? "exists and was not written by an earlier run; choose another name, or move it"
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"cannot be checked: {e.Message}";
        }
    }

    private static string[] Parts(string path) =>
        path.Split(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar);

    // As file systems that ignore case, trailing dots or long names see them.
    private static bool IsGits(string part) =>
        part.TrimEnd('.', ' ').ToLowerInvariant() is ".git" or ".github" or "git~1" or "github~1";

    private static IEnumerable<string> Read(GatePolicy policy) =>
        new[] { policy.Model, policy.Data.Source, policy.Data.LabelFile, policy.Repair?.Snapshots }
            .OfType<PolicyPath>()
            .SelectMany(p => p.Files)
            .Append(Path.GetFullPath(policy.File))
            .Select(RealPaths.Follow)
            .OfType<string>();

    private static bool IsOurModel(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return ModelProto
                .Parser.ParseFrom(stream)
                .MetadataProps.Any(p => p.Key.StartsWith("posttraingate.", StringComparison.Ordinal));
        }
        catch (InvalidProtocolBufferException)
        {
            return false;
        }
    }

    private static string Head(string path)
    {
        using var stream = File.OpenRead(path);
        var bytes = new byte[HeadBytes];
        return Encoding.UTF8.GetString(bytes, 0, stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
    }
}
