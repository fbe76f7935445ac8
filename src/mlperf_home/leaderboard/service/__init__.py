"""The service of a board: a process that receives uploads and shows pages, and workers that verify and publish."""
