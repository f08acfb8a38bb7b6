using System.Collections.Immutable;
using PostTrainGate.Foundation;

namespace PostTrainGate.Cli.Base;

/// <summary>
/// Where a policy stands in its repository, by its path as it was given: a link in a change must not lead to another
/// place of the base.
/// </summary>
/// <param name="Root">Top folder of the work tree.</param>
/// <param name="Policies">The policy's path from the top, with <c>/</c>; more than one where it could have been a file
/// or a folder.</param>
internal sealed record Checkout(string Root, ImmutableArray<string> Policies)
{
    /// <summary>
    /// The work trees around a policy, the outermost first: a change could put one of its own inside. Inside Actions
    /// none beyond the workspace, and the workspace itself where none has a repository.
    /// </summary>
    /// <param name="given">The policy, or a folder that holds it, as given.</param>
    /// <param name="policyFile">The policy's file.</param>
    /// <param name="workspace">Root of the checkout in Actions; null elsewhere.</param>
    public static ImmutableArray<Checkout> Around(string given, string policyFile, string? workspace)
    {
        var (asked, file) = (Path.GetFullPath(given), Path.GetFullPath(policyFile));
        var roots = Roots(file, workspace);
        if (roots.IsEmpty && RealPaths.Follow(file) is { } real && real != file)
            (asked, file, roots) = (real, real, Roots(real, workspace));
        if (roots.IsEmpty && workspace is not null && Below(Path.GetFullPath(workspace), file) is not null)
            roots = [Path.GetFullPath(workspace)];
        return
        [
            .. roots.Select(root => new Checkout(
                root,
                [.. new[] { file, asked }.Select(p => Below(root, p)).OfType<string>().Where(p => p != ".").Distinct()]
            )),
        ];
    }

    /// <summary>
    /// Top folder that paths of a file are given from: in Actions that of the checkout, elsewhere that of the nearest
    /// repository; null where there is none.
    /// </summary>
    public static string? RootOf(string file, string? workspace)
    {
        file = Path.GetFullPath(file);
        if (workspace is not null && Below(Path.GetFullPath(workspace), file) is not null)
            return Roots(file, workspace).FirstOrDefault() ?? Path.GetFullPath(workspace);
        return Roots(file, null).LastOrDefault()
            ?? (RealPaths.Follow(file) is { } real ? Roots(real, null).LastOrDefault() : null);
    }

    /// <summary>Folders above a file that hold a repository, the outermost first.</summary>
    public static ImmutableArray<string> Roots(string file, string? workspace)
    {
        var roots = new List<string>();
        for (var folder = Path.GetDirectoryName(file); folder is not null; folder = Path.GetDirectoryName(folder))
            if (Path.Exists(Path.Combine(folder, ".git")))
                roots.Insert(0, folder);
        if (workspace is null || Below(Path.GetFullPath(workspace), file) is null)
            return [.. roots];
        return
        [
            .. roots.Where(r =>
                r == Path.GetFullPath(workspace).TrimEnd('/') || Below(Path.GetFullPath(workspace), r) is not null
            ),
        ];
    }

    /// <summary>A path below a folder, with <c>/</c>; null when it is not below.</summary>
    public static string? Below(string folder, string path)
    {
        var relative = Path.GetRelativePath(folder, path).Replace('\\', '/');
        return relative == ".." || relative.StartsWith("../", StringComparison.Ordinal) || Path.IsPathRooted(relative)
            ? null
            : relative;
    }
}
