using System.Collections.Immutable;
using PostTrainGate.Foundation;

namespace PostTrainGate.Cli.Base;

/// <summary>The policy of the base, as it was found.</summary>
/// <param name="Source">Where it comes from.</param>
/// <param name="Path">Its path from the top of the repository, with <c>/</c>.</param>
/// <param name="Text">Its bytes.</param>
/// <param name="Moved">Whether it stood elsewhere.</param>
internal sealed record BasePolicy(BaseSource Source, string Path, byte[] Text, bool Moved)
{
    private const long Largest = 1 << 20;

    /// <summary>Finds it; null where the base provably has none that the policy could stand for.</summary>
    /// <param name="sources">Where to look, the most likely first.</param>
    /// <param name="file">The policy as it is now.</param>
    /// <param name="cancel">Stops looking.</param>
    /// <exception cref="BaseUnreadableException">There may be one, and it cannot be read.</exception>
    public static async Task<BasePolicy?> FindAsync(
        ImmutableArray<BaseSource> sources,
        string file,
        CancellationToken cancel
    )
    {
        foreach (var source in sources)
        {
            foreach (var path in source.Checkout.Policies)
                if (await source.ReadAsync(path, Largest, cancel) is { } text)
                    return new(source, path, text, Moved: false);
        }

        foreach (var source in sources)
            if (await MovedAsync(source, file, cancel) is { } moved)
                return moved;
        return null;
    }

    // A change that takes the policy to another folder, or a link that leads here from the old one, does not start
    // anew.
    private static async Task<BasePolicy?> MovedAsync(BaseSource source, string file, CancellationToken cancel)
    {
        var (name, real) = (System.IO.Path.GetFileName(file), RealPaths.Follow(System.IO.Path.GetFullPath(file)));
        var gone = new List<string>();
        foreach (var path in await source.ListAsync(cancel))
        {
            if (path != name && !path.EndsWith($"/{name}", StringComparison.Ordinal))
                continue;
            var old = System.IO.Path.Combine(source.Checkout.Root, path);
            if (await source.IsGoneAsync(path, cancel) || RealPaths.Follow(old) == real)
                gone.Add(path);
        }

        return gone switch
        {
            [] => null,
            [var path] => await source.ReadAsync(path, Largest, cancel) is { } text
                ? new(source, path, text, Moved: true)
                : null,
            _ => throw new BaseUnreadableException(
                $"The commit {source.Commit[..7]} has no policy at this path, and {gone.Count} policies "
                    + $"that no longer exist, such as '{gone[0]}' and '{gone[1]}'. Move one policy at a time."
            ),
        };
    }
}
